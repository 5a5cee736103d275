import DiskImage
import Testing

@testable import Boot

/// When a guest that somebody paused may go on: events of reader, QEMU, libvirt and user come in any order.
@Suite struct GuestConditionTests {
    /// What can happen, as a word of a table.
    enum Event: Sendable {
        case stallBegan, stallEnded, full
        /// The room has come to the reserve, or has left it.
        case short, ample
        /// QEMU paused the guest; whether the blocks are here.
        case failed(Bool)
        case pause, resume, stop, force
        /// The call that was due begins, and ends well or not.
        case begin, done, undone
        case seenRunning
    }

    private func condition(after events: [Event]) -> GuestCondition {
        var condition = GuestCondition()
        var call: GuestCondition.Call?
        for event in events {
            switch event {
            case .stallBegan: condition.stallBegan()
            case .stallEnded: condition.stallEnded()
            case .full: condition.diskFull()
            case .short: condition.roomChanged(isOut: true)
            case .ample: condition.roomChanged(isOut: false)
            case .failed(let areHere): condition.guestPausedForError(blocksAreHere: areHere)
            case .pause: condition.pauseAsked()
            case .resume: condition.resumeAsked()
            case .stop: _ = condition.stopAsked(force: false)
            case .force: _ = condition.stopAsked(force: true)
            case .seenRunning: condition.guestSeenRunning()
            case .begin:
                call = condition.due?.call
                if let call { condition.began(call) } else { Issue.record("nothing is due after \(events)") }
            case .done, .undone:
                guard let ended = call else {
                    Issue.record("no call is under way in \(events)")
                    continue
                }
                var isDone = false
                if case .done = event { isDone = true }
                condition.ended(ended, isDone: isDone)
                call = nil
            }
        }
        return condition
    }

    /// Events, and what follows: the call and its delay in seconds, what the user is told, whether reads may wait.
    typealias Row = ([Event], (call: GuestCondition.Call, seconds: Int)?, SessionStatus.State, Bool)

    private func check(_ rows: [Row], _ location: SourceLocation = #_sourceLocation) {
        for (events, due, state, readsMayWait) in rows {
            let condition = condition(after: events)
            #expect(condition.due?.call == due?.call, "\(events)", sourceLocation: location)
            #expect(condition.due?.delay == due.map { .seconds($0.seconds) }, "\(events)", sourceLocation: location)
            #expect(condition.state == state, "\(events)", sourceLocation: location)
            #expect(condition.readsMayWait == readsMayWait, "\(events)", sourceLocation: location)
        }
    }

    @Test func aGuestWhoseBlocksAreMissingGoesOnAtOnceWhenTheyAreHere() {
        check([
            ([], nil, .running, true),
            ([.stallBegan], nil, .waiting, true),
            ([.stallBegan, .failed(false)], nil, .waiting, true),
            ([.stallBegan, .failed(false), .stallEnded], (.resume, 0), .waiting, true),
            ([.stallBegan, .failed(false), .stallEnded, .begin], nil, .waiting, true),
            ([.stallBegan, .failed(false), .stallEnded, .begin, .done], nil, .running, true),
            // The pause is heard of after the blocks came, or the stall's end never.
            ([.stallBegan, .stallEnded], nil, .running, true),
            ([.stallBegan, .stallEnded, .failed(true)], (.resume, 0), .waiting, true),
            ([.stallBegan, .failed(true)], (.resume, 0), .waiting, true),
        ])
    }

    @Test func anErrorThatIsNoMissingBlockIsTriedAgainEverMoreSlowly() {
        var events: [Event] = []
        for seconds in [0, 1, 2, 4, 8, 16, 30, 30] {
            events += [.failed(true)]
            check([(events, (.resume, seconds), .waiting, true)])
            events += [.begin, .done]
        }
        // The next pause is heard of before the end of the call; it must not be taken for the one before.
        check([
            ([.failed(true), .begin, .failed(true)], nil, .waiting, true),
            ([.failed(true), .begin, .failed(true), .done], (.resume, 1), .waiting, true),
            ([.failed(true), .begin, .failed(true), .done, .begin, .done], nil, .running, true),
        ])
        // Nor does one that was seen to run have anything to do with the next.
        check([(events + [.seenRunning, .failed(true)], (.resume, 0), .waiting, true)])
        // A stall explains the pause.
        check([(events + [.stallBegan, .stallEnded, .failed(true)], (.resume, 0), .waiting, true)])
        check([([.failed(true), .begin, .undone], (.resume, 1), .waiting, true)])
    }

    @Test func aGuestThatTheUserPausedNeverGoesOnByItself() {
        check([
            // A resumption is due in a second when the user pauses.
            ([.failed(true), .begin, .done, .failed(true)], (.resume, 1), .waiting, true),
            ([.failed(true), .begin, .done, .failed(true), .pause], (.suspend, 0), .paused, false),
            ([.failed(true), .begin, .done, .failed(true), .pause, .begin, .done], nil, .paused, false),
            // The blocks come while it is paused.
            ([.stallBegan, .failed(false), .pause, .begin, .done, .stallEnded], nil, .paused, false),
            // A resumption was under way already: the pause follows it.
            ([.failed(true), .begin, .pause], nil, .paused, false),
            ([.failed(true), .begin, .pause, .done], (.suspend, 0), .paused, false),
            ([.failed(true), .begin, .pause, .done, .begin, .done], nil, .paused, false),
            ([.failed(true), .begin, .pause, .undone], (.suspend, 0), .paused, false),
        ])
    }

    @Test func pausesAndResumptionsInQuickSuccessionEndAsTheLastOneWants() {
        check([
            ([.pause], (.suspend, 0), .paused, false),
            ([.pause, .begin], nil, .paused, false),
            // Reads may not wait while the guest is being suspended, whatever is wanted next.
            ([.pause, .begin, .resume], nil, .running, false),
            ([.pause, .begin, .resume, .done], (.resume, 0), .running, false),
            ([.pause, .begin, .resume, .done, .begin], nil, .running, true),
            ([.pause, .begin, .resume, .done, .begin, .pause], nil, .paused, false),
            ([.pause, .begin, .resume, .done, .begin, .pause, .done], (.suspend, 0), .paused, false),
            ([.pause, .begin, .resume, .pause, .done], nil, .paused, false),
            ([.pause, .resume], nil, .running, true),
            ([.pause, .begin, .undone], nil, .running, true),
            ([.pause, .begin, .done, .resume, .begin, .done], nil, .running, true),
            // A resumption that fails is tried again.
            ([.pause, .begin, .done, .resume, .begin, .undone], (.resume, 1), .running, false),
        ])
    }

    @Test func theEndHoldsEverythingElseBack() {
        check([
            ([.failed(true), .stop], nil, .stopping, true),
            ([.pause, .begin, .done, .stop], nil, .stopping, true),
            ([.stop, .pause], nil, .stopping, true),
            ([.force], nil, .stopping, false),
            ([.stop, .force], nil, .stopping, false),
        ])
        var condition = GuestCondition()
        let changes = [false, false, true, true].map { condition.stopAsked(force: $0) }
        #expect(changes == [true, false, true, false])
    }

    @Test func aGuestWithoutSpaceForItsWritesSaysSoUntilItHasRun() {
        let full: [Event] = [.full, .failed(true)]
        let tried: [Event] = [.begin, .done]
        let rows: [([Event], SessionStatus.Wait?)] = [
            ([.full], .space),
            (full, .space),
            // The next try ends like the first: nobody is told in between that it runs.
            (full + tried, .space),
            (full + tried + full, .space),
            (full + [.seenRunning], .space),
            (full + tried + [.seenRunning], nil),
            ([.stallBegan, .failed(false)], .blocks),
            ([.failed(true)], .disk),
            (full + [.pause], nil),
        ]
        for (events, wait) in rows { #expect(condition(after: events).waitingFor == wait, "\(events)") }
        check([
            (full, (.resume, 0), .waiting, true),
            (full + tried, nil, .waiting, true),
            (full + tried + [.seenRunning], nil, .running, true),
        ])
        // Somebody makes room: it does not take half a minute to see it.
        var events = full
        for _ in 0..<8 { events += tried + full }
        check([(events, (.resume, 5), .waiting, true)])
    }

    @Test func aGuestStopsAtTheReserveAndGoesOnByItself() {
        check([
            ([.short], (.suspend, 0), .waiting, false),
            ([.short, .begin], nil, .waiting, false),
            ([.short, .begin, .done], nil, .waiting, false),
            ([.short, .begin, .done, .ample], (.resume, 0), .running, false),
            ([.short, .begin, .done, .ample, .begin, .done], nil, .running, true),
            // There is room again before it was paused.
            ([.short, .begin, .ample, .done], (.resume, 0), .running, false),
            ([.short, .ample], nil, .running, true),
            // What QEMU paused meanwhile stays so.
            ([.short, .begin, .failed(true), .done], nil, .waiting, false),
            ([.stallBegan, .failed(false), .short, .begin, .done, .stallEnded], nil, .waiting, false),
            ([.failed(true), .begin, .undone, .short, .begin, .done, .ample], (.resume, 0), .waiting, false),
        ])
        // Who cannot be paused is tried again, not at once and not never.
        check([
            ([.short, .begin, .undone], (.suspend, 1), .waiting, false),
            ([.short, .begin, .undone, .begin, .undone], (.suspend, 2), .waiting, false),
            ([.short, .begin, .undone, .ample], nil, .running, true),
        ])
        for events in [[.short], [.short, .begin, .done], [.full, .failed(true), .short]] as [[Event]] {
            #expect(condition(after: events).waitingFor == .space, "\(events)")
        }
    }

    @Test func theReserveDoesNotUndoWhatTheUserWants() {
        check([
            // What failed was the reserve's pause, and not the user's.
            ([.short, .begin, .pause, .undone], (.suspend, 0), .paused, false),
            ([.short, .begin, .pause, .undone, .begin, .undone, .ample], nil, .running, true),
            ([.short, .begin, .pause, .undone, .begin, .done, .ample], nil, .paused, false),
            ([.pause, .begin, .done, .short], nil, .paused, false),
            ([.pause, .begin, .done, .short, .ample], nil, .paused, false),
            // The user cannot resume it into a full disk.
            ([.pause, .begin, .done, .short, .resume], nil, .waiting, false),
            ([.pause, .begin, .done, .short, .resume, .ample], (.resume, 0), .running, false),
            ([.short, .begin, .done, .pause], nil, .paused, false),
            ([.short, .begin, .done, .pause, .ample], nil, .paused, false),
            ([.short, .begin, .done, .stop], nil, .stopping, true),
        ])
    }

    @Test func aFullDiskIsNamedWithWhatToDo() throws {
        func words(
            _ trouble: SessionLoop.DiskTrouble, cache: String = "/", damage: DiskImageError? = nil
        ) -> String {
            SessionDisks(overlays: "/", exchange: "/tmp", cache: cache, reserve: DiskReserve(setting: 3_000_000)).text(
                of: trouble, damage: damage)
        }
        #expect(words(.full).contains("(/) is full") && words(.full).contains("goes on by itself"))
        #expect(words(.full).contains("cache clear"))
        #expect(!words(.full, cache: "/proc").contains("cache clear"))
        // An image with a fault is not this host's disk.
        let damage = DiskImageError.malformed(reason: "a cluster")
        #expect(words(.failing).contains("its changes are in /"))
        #expect(words(.failing, damage: damage).contains("damaged disk image: a cluster"))
        #expect(!words(.failing, damage: damage).contains("its changes are in /"))
        #expect(words(.full, damage: damage) == words(.full))
        #expect(words(.reserve).contains("less than 3.0 MB is free") && words(.reserve).contains("goes on by itself"))
        #expect(words(.loginsReserve).contains("less than 12 MB is free") && words(.loginsReserve).contains("(/tmp)"))
    }
}
