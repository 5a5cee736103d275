import Glibc
import GuestDomain
import ImageMount
import Linux

/// A session whose guest runs: one loop that hears everything and decides. Calls to libvirt, which may take long while a read
/// waits, are made beside it.
struct RunningSession: Sendable {
    private let guest: SessionGuest
    private let image: MountedImage
    private let state: SessionState
    private let signals: (stream: AsyncStream<SessionSignal>, continuation: AsyncStream<SessionSignal>.Continuation)
    private let shutdownSeconds: Int
    /// The folders of overlays and of the cache.
    private let overlays: String
    private let cache: String
    private let teardown: Teardown

    init(
        guest: SessionGuest, image: MountedImage, state: SessionState,
        signals: (stream: AsyncStream<SessionSignal>, continuation: AsyncStream<SessionSignal>.Continuation),
        shutdownSeconds: Int, overlays: String, cache: String, teardown: Teardown
    ) {
        self.guest = guest
        self.image = image
        self.state = state
        self.signals = signals
        self.shutdownSeconds = shutdownSeconds
        self.overlays = overlays
        self.cache = cache
        self.teardown = teardown
    }

    /// Notes that the guest runs.
    func up() {
        state.update {
            $0.phase = .up
            $0.state = .running
            $0.sshTarget = "root@10.0.2.15"
            $0.domain = guest.domain
        }
    }

    /// Follows the guest to its end.
    /// - Throws: ``SessionFailure`` when it ended otherwise than by its own power-off or our request.
    func follow() async throws {
        await begin()
        var condition = GuestCondition()
        var timer: Timer?
        var failure: SessionFailure?
        for await signal in signals.stream {
            var isDue = false
            switch signal {
            case .stop(let force):
                guard condition.stopAsked(force: force) else { continue }
                admitReads(condition)
                guest.beginStop(force: force, within: .seconds(shutdownSeconds))
            case .pause: condition.pauseAsked()
            case .resume: condition.resumeAsked()
            case .ended(let call, let isDone): condition.ended(call, isDone: isDone)
            case .resumeDue: isDue = true
            case .stallChanged:
                // The reader is asked, not remembered: these calls come from many threads.
                if image.reader.stalledBlocks.isEmpty { condition.stallEnded() } else { condition.stallBegan() }
            case .guest(.paused(isForError: true)), .seen(.paused(isForError: true)):
                condition.guestPausedForError(blocksAreHere: image.reader.stalledBlocks.isEmpty)
            case .guest(.ioError(_, let isFull)):
                if isFull { condition.diskFull() }
                note(isFull: isFull, condition)
            case .seen(.running): condition.guestSeenRunning()
            case .guest(.stopped(let hasFailed)):
                if hasFailed && !condition.isStopping {
                    failure = failure ?? SessionFailure(exitCode: 69, message: "QEMU or libvirt ended the guest")
                }
                if let failure { throw failure }
                return
            case .seen(.off):
                if let failure { throw failure }
                return
            case .guest(.crashed):
                failure = SessionFailure(exitCode: 1, message: "the guest crashed")
            case .mountEnded:
                if condition.isStopping { continue }
                failure = SessionFailure(exitCode: 69, message: "the guest's disk was unmounted by somebody else")
                _ = condition.stopAsked(force: true)
                guest.beginStop(force: true, within: .zero)
            case .tick:
                guest.check(signals.continuation)
            case .guest, .seen: break
            }
            timer = act(&condition, timer, isDue: isDue)
            tell(condition)
        }
    }

    /// A wait before the next try.
    private struct Timer {
        let delay: Duration
        let task: Task<Void, any Error>
    }

    /// Makes the call that is due, or sees to it that the condition is asked again when it is.
    /// - Parameter isDue: the wait that the condition wanted is over.
    /// - Returns: the wait that goes on.
    private func act(_ condition: inout GuestCondition, _ timer: Timer?, isDue: Bool) -> Timer? {
        let continuation = signals.continuation
        defer { admitReads(condition) }
        guard let due = condition.due else {
            timer?.task.cancel()
            return nil
        }
        if !isDue, due.delay > .zero {
            if let timer, timer.delay == due.delay { return timer }
            timer?.task.cancel()
            return Timer(
                delay: due.delay,
                task: Task {
                    try await Task.sleep(for: due.delay)
                    continuation.yield(.resumeDue)
                })
        }
        timer?.task.cancel()
        condition.began(due.call)
        // Before the call: QEMU answers none while a read waits.
        admitReads(condition)
        let guest = guest
        Task {
            let isDone = due.call == .suspend ? await guest.pause() : await guest.resume()
            continuation.yield(.ended(due.call, isDone: isDone))
        }
        return nil
    }

    private func admitReads(_ condition: GuestCondition) {
        if condition.readsMayWait { image.reader.allowWaiting() } else { image.reader.refuseWaiting() }
    }

    /// Tells the user why the guest waits for its disk.
    private func note(isFull: Bool, _ condition: GuestCondition) {
        if isFull {
            state.note(error: FullDisk.words(overlays: overlays, cache: cache))
        } else if condition.readsMayWait, image.reader.stalledBlocks.isEmpty {
            state.note(
                error: "the guest's disk cannot be read or written (its changes lie in \(overlays)): the guest waits, "
                    + "and is tried again")
        }
    }

    private func tell(_ condition: GuestCondition) {
        let (now, wait) = (condition.state, condition.waitingFor)
        let known = state.snapshot
        if known.state != now || known.waitingFor != wait {
            state.update {
                $0.state = now
                $0.waitingFor = wait
            }
        }
        if now == .running { state.clearError() }
    }

    /// Starts what tells of changes besides the reader and the control socket.
    private func begin() async {
        let (guest, image, continuation) = (guest, image, signals.continuation)
        let events = Task { for await event in guest.events { continuation.yield(.guest(event)) } }
        let mount = Task {
            await image.waitUntilUnmounted()
            continuation.yield(.mountEnded)
        }
        let ticks = Task {
            while !Task.isCancelled {
                try await Task.sleep(for: .seconds(5))
                continuation.yield(.tick)
            }
        }
        await teardown.add {
            events.cancel()
            mount.cancel()
            ticks.cancel()
        }
    }
}

/// What is said of a host's disk without room for what a guest writes.
enum FullDisk {
    /// - Parameters:
    ///   - overlays: the folder of the guests' overlays.
    ///   - cache: the cache's folder, which can be emptied when it is on the same disk.
    static func words(overlays: String, cache: String) -> String {
        var (left, right) = (stat(), stat())
        let isShared = stat(overlays, &left) == 0 && stat(cache, &right) == 0 && left.st_dev == right.st_dev
        return
            "the disk that holds what guests write (\(overlays)) is full: the guest waits, and goes on by itself when "
            + "there is room. Remove what you do not need there"
            + (isShared ? ", or empty the cache, which is on the same disk: 'oscircular cache clear'" : "")
    }
}
