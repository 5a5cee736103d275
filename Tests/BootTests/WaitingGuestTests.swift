import Boot
import Synchronization
import Testing

@Suite struct WaitingGuestTests {
    /// A guest whose every change and resume is written down.
    private final class Log: Sendable {
        let entries = Mutex<[String]>([])

        func add(_ entry: String) { entries.withLock { $0.append(entry) } }

        func taken() -> [String] {
            entries.withLock { entries in
                defer { entries = [] }
                return entries
            }
        }
    }

    private let log = Log()

    private func makeGuest() -> WaitingGuest {
        WaitingGuest(changed: { [log] in log.add($0 ? "waits" : "goes on") }, resume: { [log] in log.add("resume") })
    }

    @Test func aPausedGuestGoesOnceItsBlocksAreHere() {
        let guest = makeGuest()
        guest.readStalled(blocks: [])
        guest.guestPausedForError()
        #expect(log.taken() == ["waits"])
        guest.stallEnded()
        #expect(log.taken() == ["resume", "goes on"])
        guest.stallEnded()
        #expect(log.taken() == [])
    }

    @Test func aPauseThatComesAfterTheBlocksGoesOnAtOnce() {
        let guest = makeGuest()
        guest.readStalled(blocks: [])
        guest.stallEnded()
        #expect(log.taken() == ["waits", "goes on"])
        guest.guestPausedForError()
        #expect(log.taken() == ["resume"])
    }

    @Test func severalStallsAndPausesGiveOneResume() {
        let guest = makeGuest()
        for _ in 0..<3 {
            guest.readStalled(blocks: [])
            guest.guestPausedForError()
        }
        #expect(log.taken() == ["waits"])
        guest.stallEnded()
        #expect(log.taken().filter { $0 == "resume" }.count == 1)
    }

    @Test func nothingGoesOnWhileBlocksAreMissing() {
        let guest = makeGuest()
        guest.readStalled(blocks: [])
        guest.stallEnded()
        guest.readStalled(blocks: [])
        _ = log.taken()
        // The pause of the first stall is late; the second stall still lasts.
        guest.guestPausedForError()
        #expect(log.taken() == [])
        guest.stallEnded()
        #expect(log.taken().contains("resume"))
    }

    @Test func aGuestThatDidNotPauseIsNotResumed() {
        let guest = makeGuest()
        guest.readStalled(blocks: [])
        guest.stallEnded()
        guest.readStalled(blocks: [])
        guest.stallEnded()
        #expect(log.taken() == ["waits", "goes on", "waits", "goes on"])
    }

    @Test func theNextWaitIsLikeTheFirst() {
        let guest = makeGuest()
        for _ in 0..<2 {
            guest.readStalled(blocks: [])
            guest.guestPausedForError()
            guest.stallEnded()
            #expect(log.taken() == ["waits", "resume", "goes on"])
        }
    }
}
