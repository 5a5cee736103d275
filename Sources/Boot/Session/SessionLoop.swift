import GuestDomain

/// What a session waits for while its guest runs.
enum SessionSignal: Sendable {
    case stop(force: Bool)
    case pause
    case resume
    /// Memory and disk are to be saved, and the session is to end.
    case suspend
    /// What cannot be saved with the guest was taken from it, or could not be.
    case detached(Bool)
    /// The guest was saved, or was not.
    case saved(Bool)
    case guest(GuestEvent)
    /// Reads gave up on blocks, or these have arrived now; the reader knows which.
    case stallChanged
    /// The wait of this number is over.
    case waited(Int)
    /// A call to libvirt ended.
    case ended(GuestCondition.Call, isDone: Bool)
    /// What libvirt said when it was asked.
    case seen(GuestState)
    /// Somebody unmounted the image.
    case mountEnded
    /// What the guest has read is not what it should be: it must not run on.
    case untrue(SessionFailure)
    /// The guest has not come up, and another version is to boot in its place.
    case unhealthy(SessionFailure)
    /// The room on the disk that holds what the guest writes has come to its reserve, or has left it.
    case room(DiskReserve.Room)
    /// Time to look whether an event was lost.
    case tick
}

/// What a session does about a running guest, as a value: a signal goes in, the actions that follow come out, in order.
///
/// ``GuestCondition`` decides whether the guest may go on; this is everything around that: the end and its reason, the waits
/// between two tries, and what the user is told. ``RunningSession`` performs the actions and knows no rules of its own, so that
/// every rule can be tried without a guest. The loop never waits for an action: what comes of one is another signal.
struct SessionLoop: Sendable {
    enum Action: Sendable, Equatable {
        /// Let reads of the disk wait for their blocks, or answer those that wait with an error.
        case letReadsWait(Bool)
        /// End the guest: by force, or by its power button and by force after a time.
        case stop(force: Bool, within: Duration)
        /// Make this call to libvirt; ``SessionSignal/ended(_:isDone:)`` follows.
        case call(GuestCondition.Call)
        /// Take away what cannot be saved with the guest; ``SessionSignal/detached(_:)`` follows.
        case detach
        /// Give it back.
        case attach
        /// Save the guest, which is paused; ``SessionSignal/saved(_:)`` follows.
        case save
        /// Save it no more, if it is not saved already; ``SessionSignal/saved(_:)`` follows, at once where that is urgent.
        case cancelSaving(isUrgent: Bool)
        /// Tell the user why the guest goes on that was to be suspended.
        case reportNotSaved(String)
        /// Send ``SessionSignal/waited(_:)`` after a time, instead of an earlier one.
        case wait(Duration, number: Int)
        case endWait
        /// Ask libvirt how the guest is; ``SessionSignal/seen(_:)`` follows.
        case look
        /// Tell the user what is wrong with the disk that the guest's changes are on.
        case report(DiskTrouble)
        case clearReport
        /// Show the user this state.
        case show(SessionStatus.State, SessionStatus.Wait?)
        /// The guest is gone; nil when it ended by itself or because it was asked to.
        case end(SessionFailure?)
    }

    /// Why the guest cannot write its changes, or its logins nothing.
    enum DiskTrouble: Sendable, Equatable {
        case full, failing
        /// The guest, or only its logins, have come to the reserve.
        case reserve, loginsReserve
    }

    /// How far the suspending is.
    private enum Suspension: Equatable {
        case none, detaching, pausing, saving
        /// It goes on: what was taken from it is given back once it runs.
        case ended
        case done
    }

    private struct StopAsked { let isForced: Bool }

    private struct Wait {
        let delay: Duration
        let number: Int
    }

    /// How long a guest may take to shut down that has not come up: most do not hear of it, and one that does may be writing to a home.
    private static let unhealthyTime = Duration.seconds(10)

    private(set) var condition = GuestCondition()
    /// How long a guest may take to shut down.
    private let shutdown: Duration
    private var failure: SessionFailure?
    private var wait: Wait?
    private var waits = 0
    private var mayReadsWait = true
    private var room = DiskReserve.Room()
    private var suspension = Suspension.none
    /// How a guest is to be ended that is being saved, or that cannot be saved.
    private var awaitedStop: StopAsked?
    private var shown: (SessionStatus.State, SessionStatus.Wait?) = (.running, nil)

    init(shutdown: Duration) { self.shutdown = shutdown }

    /// - Parameter blocksAreMissing: reads gave up on blocks that have not arrived. The reader is asked anew for each signal: its
    ///   news come from many threads, and in any order.
    /// - Returns: what to do, in this order; nothing after ``Action/end(_:)``.
    mutating func take(_ signal: SessionSignal, blocksAreMissing: Bool) -> [Action] {
        var actions: [Action] = []
        var isDue = false
        switch signal {
        case .stop(let force) where suspension == .saving:
            if awaitedStop?.isForced == true { return [] }
            awaitedStop = StopAsked(isForced: force)
            return [.cancelSaving(isUrgent: force)]
        case .stop(let force):
            condition.saveEnded()
            guard condition.stopAsked(force: force) else { return [] }
            actions += admitReads() + [.stop(force: force, within: shutdown)]
        case .pause: condition.pauseAsked()
        case .resume: condition.resumeAsked()
        case .suspend:
            // One that failed while the user has the guest paused is ended, and what it took away is still away.
            guard suspension == .none || suspension == .ended, !condition.isStopping else { return [] }
            suspension = .detaching
            return [.detach]
        case .detached(let isDone):
            guard suspension == .detaching else { return [] }
            suspension = isDone ? .pausing : .ended
            if isDone { condition.saveAsked() }
        case .saved(true):
            guard suspension == .saving else { return [] }
            suspension = .done
            condition.saveEnded()
            guard condition.stopAsked(force: true) else { return [] }
            // What it waits for does not matter any more, and what it would do is done when it goes on.
            return admitReads() + [.stop(force: true, within: .zero)]
        case .saved(false):
            guard suspension == .saving else { return [] }
            suspension = .ended
            condition.saveEnded()
            if let stop = awaitedStop {
                awaitedStop = nil
                guard condition.stopAsked(force: stop.isForced) else { return [] }
                actions += admitReads() + [.stop(force: stop.isForced, within: shutdown)]
            }
        case .ended(let call, let isDone):
            condition.ended(call, isDone: isDone)
            if suspension == .pausing, call == .suspend, !isDone {
                suspension = .ended
                actions.append(.reportNotSaved("libvirt could not pause it"))
            }
        case .waited(let number):
            // One that was replaced says nothing about the present one.
            isDue = number == wait?.number
            if isDue { wait = nil }
        case .stallChanged:
            if blocksAreMissing { condition.stallBegan() } else { condition.stallEnded() }
        case .guest(.paused(isForError: true)), .seen(.paused(isForError: true)):
            condition.guestPausedForError(blocksAreHere: !blocksAreMissing)
        case .guest(.ioError(_, let isFull)):
            if isFull {
                condition.diskFull()
                actions.append(.report(.full))
            } else if condition.readsMayWait, !blocksAreMissing {
                actions.append(.report(.failing))
            }
        case .seen(.running):
            condition.guestSeenRunning()
            // Whatever was reported meanwhile is over.
            if condition.state == .running, shown.0 == .running { actions.append(clear) }
        case .guest(.stopped(let hasFailed)):
            if hasFailed && !condition.isStopping {
                fail(SessionFailure(exitCode: 69, message: "QEMU or libvirt ended the guest"))
            }
            return cancelSaving() + [.end(failure)]
        case .seen(.off): return cancelSaving() + [.end(failure)]
        case .guest(.crashed): fail(SessionFailure(exitCode: 1, message: "the guest crashed"))
        case .untrue(let failure):
            fail(failure)
            condition.saveEnded()
            guard condition.stopAsked(force: true) else { return [] }
            actions += cancelSaving() + admitReads() + [.stop(force: true, within: .zero)]
        case .unhealthy(let failure):
            // Who has asked for its end wants no other guest, and one that is being saved is nobody's any more.
            guard !condition.isStopping, !condition.isToBeSaved else { return [] }
            fail(failure)
            _ = condition.stopAsked(force: false)
            actions += admitReads() + [.stop(force: false, within: min(shutdown, SessionLoop.unhealthyTime))]
        case .mountEnded:
            guard !condition.isStopping else { return [] }
            fail(SessionFailure(exitCode: 69, message: "something else unmounted the guest's disk"))
            condition.saveEnded()
            _ = condition.stopAsked(force: true)
            actions += cancelSaving() + admitReads() + [.stop(force: true, within: .zero)]
        case .room(let now):
            condition.roomChanged(isOut: now.stopsGuest)
            room = now
            if room.isShort || condition.state == .running && shown.0 == .running { actions.append(clear) }
        case .tick: actions.append(.look)
        case .guest, .seen: break
        }
        return actions + proceed(isDue: isDue) + admitReads() + suspend() + show()
    }

    /// What is next of a suspending.
    private mutating func suspend() -> [Action] {
        switch suspension {
        case .pausing where condition.isStopping: suspension = .none
        case .pausing where condition.isReadyToBeSaved:
            suspension = .saving
            return [.save]
        case .ended where condition.isStopping: suspension = .none
        case .ended where condition.isLetRun:
            suspension = .none
            return [.attach]
        default: break
        }
        return []
    }

    /// Of a guest that ends in another way while it is saved.
    private mutating func cancelSaving() -> [Action] {
        guard suspension == .saving else { return [] }
        suspension = .none
        return [.cancelSaving(isUrgent: false)]
    }

    /// What is told once everything else that was reported is over.
    private var clear: Action {
        room.stopsGuest ? .report(.reserve) : room.stopsLogins ? .report(.loginsReserve) : .clearReport
    }

    /// The first failure is the reason for all that follow.
    private mutating func fail(_ new: SessionFailure) { failure = failure ?? new }

    /// The call that is due, or the wait until it is.
    /// - Parameter isDue: the wait is over.
    private mutating func proceed(isDue: Bool) -> [Action] {
        guard let due = condition.due else { return endWait() }
        if !isDue, due.delay > .zero {
            if wait?.delay == due.delay { return [] }
            waits += 1
            wait = Wait(delay: due.delay, number: waits)
            return [.wait(due.delay, number: waits)]
        }
        let ended = endWait()
        condition.began(due.call)
        // Before the call: QEMU answers none while a read waits.
        return ended + admitReads() + [.call(due.call)]
    }

    private mutating func endWait() -> [Action] {
        guard wait != nil else { return [] }
        wait = nil
        return [.endWait]
    }

    private mutating func admitReads() -> [Action] {
        guard condition.readsMayWait != mayReadsWait else { return [] }
        mayReadsWait = condition.readsMayWait
        return [.letReadsWait(mayReadsWait)]
    }

    private mutating func show() -> [Action] {
        let now = (condition.state, condition.waitingFor)
        guard now != shown else { return [] }
        shown = now
        return [.show(now.0, now.1)] + (now.0 == .running ? [clear] : [])
    }
}
