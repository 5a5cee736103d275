import Testing

@testable import Boot

/// When a guest that QEMU paused may go on: events of reader and QEMU come in any order.
@Suite struct GuestConditionTests {
    @Test func runsUntilSomethingHappens() {
        let condition = GuestCondition()
        #expect(condition.state == .running)
        #expect(condition.resumeDelay == nil)
    }

    @Test func waitsWhileBlocksAreMissingAndGoesOnAtOnceWhenTheyAreHere() {
        var condition = GuestCondition()
        condition.stallBegan()
        #expect(condition.state == .waiting)
        #expect(condition.resumeDelay == nil, "QEMU has not paused it")
        condition.guestPausedForError(blocksAreHere: false)
        #expect(condition.state == .waiting)
        #expect(condition.resumeDelay == nil, "the block is missing still")
        condition.stallEnded()
        #expect(condition.resumeDelay == .zero)
        condition.guestResumed()
        #expect(condition.state == .running)
        #expect(condition.resumeDelay == nil, "once is enough")
    }

    @Test func goesOnWhenThePauseIsHeardOfAfterTheBlocksCame() {
        var condition = GuestCondition()
        condition.stallBegan()
        condition.stallEnded()
        #expect(condition.state == .running)
        condition.guestPausedForError(blocksAreHere: true)
        #expect(condition.resumeDelay == .zero)
    }

    @Test func aPauseThatClaimsTheBlocksAreHereEndsAStallWhoseEndWasNotHeardOf() {
        var condition = GuestCondition()
        condition.stallBegan()
        condition.guestPausedForError(blocksAreHere: true)
        #expect(condition.resumeDelay == .zero)
    }

    @Test func anErrorThatIsNoMissingBlockIsTriedAgainEverMoreSlowly() {
        var condition = GuestCondition()
        var delays: [Duration] = []
        for _ in 0..<8 {
            condition.guestPausedForError(blocksAreHere: true)
            if let delay = condition.resumeDelay { delays.append(delay) }
            condition.guestResumed()
        }
        #expect(delays == [0, 1, 2, 4, 8, 16, 30, 30].map { .seconds($0) })
        condition.stallBegan()
        condition.stallEnded()
        condition.guestPausedForError(blocksAreHere: true)
        #expect(condition.resumeDelay == .zero, "a stall explains the pause")
    }

    @Test func aResumptionThatFailsIsTriedAgain() {
        var condition = GuestCondition()
        condition.guestPausedForError(blocksAreHere: true)
        condition.resumeFailed()
        #expect(condition.state == .waiting)
        #expect(condition.resumeDelay == .seconds(1))
    }

    @Test func theUsersPauseAndTheEndHoldAResumptionBack() {
        var condition = GuestCondition()
        condition.guestPausedForError(blocksAreHere: true)
        condition.isPausedByUser = true
        #expect(condition.state == .paused)
        #expect(condition.resumeDelay == nil)
        condition.isPausedByUser = false
        condition.isStopping = true
        #expect(condition.state == .stopping)
        #expect(condition.resumeDelay == nil)
    }
}
