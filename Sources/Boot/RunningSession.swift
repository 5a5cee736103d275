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
    private let teardown: Teardown

    init(
        guest: SessionGuest, image: MountedImage, state: SessionState,
        signals: (stream: AsyncStream<SessionSignal>, continuation: AsyncStream<SessionSignal>.Continuation),
        shutdownSeconds: Int, teardown: Teardown
    ) {
        self.guest = guest
        self.image = image
        self.state = state
        self.signals = signals
        self.shutdownSeconds = shutdownSeconds
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
        var resumption: Task<Void, Never>?
        var isForced = false
        var failure: SessionFailure?
        for await signal in signals.stream {
            switch signal {
            case .stop(let force):
                if condition.isStopping && (isForced || !force) { continue }
                isForced = isForced || force
                condition.isStopping = true
                // Reads that wait would hold QEMU's monitor.
                if force { image.reader.refuseWaiting() }
                guest.beginStop(force: force, within: .seconds(shutdownSeconds))
            case .pause:
                if condition.isStopping || condition.isPausedByUser { continue }
                condition.isPausedByUser = true
                // Never suspend while a read waits: the waiting ones are answered now, and repeated on resume.
                image.reader.refuseWaiting()
                beside {
                    await guest.pause()
                } then: {
                    .suspended(isDone: $0)
                }
            case .suspended(let isDone):
                if !isDone {
                    condition.isPausedByUser = false
                    image.reader.allowWaiting()
                }
            case .resume:
                guard condition.isPausedByUser else { continue }
                condition.isPausedByUser = false
                image.reader.allowWaiting()
                beside {
                    await guest.resume()
                } then: {
                    .resumed(isDone: $0)
                }
            case .resumed(let isDone):
                resumption = nil
                if isDone { condition.guestResumed() } else { condition.resumeFailed() }
            case .stallChanged:
                // The reader is asked, not remembered: these calls come from many threads.
                if image.reader.stalledBlocks.isEmpty { condition.stallEnded() } else { condition.stallBegan() }
            case .guest(.paused(isForError: true)):
                condition.guestPausedForError(blocksAreHere: image.reader.stalledBlocks.isEmpty)
            case .guest(.ioError(_, isFull: true)):
                state.note(error: "the host has no space for what the guest writes; it waits until there is some")
            case .guest(.stopped(let hasFailed)):
                if hasFailed && !condition.isStopping {
                    failure = failure ?? SessionFailure(exitCode: 69, message: "QEMU or libvirt ended the guest")
                }
                if let failure { throw failure }
                return
            case .guest(.crashed):
                failure = SessionFailure(exitCode: 1, message: "the guest crashed")
            case .mountEnded:
                if condition.isStopping { continue }
                failure = SessionFailure(exitCode: 69, message: "the guest's disk was unmounted by somebody else")
                condition.isStopping = true
                guest.beginStop(force: true, within: .zero)
            case .tick:
                guest.check(signals.continuation)
            case .guest: break
            }
            if resumption == nil, let delay = condition.resumeDelay {
                resumption = Task {
                    try? await Task.sleep(for: delay)
                    signals.continuation.yield(.resumed(isDone: await guest.resume()))
                }
            }
            let now = condition.state
            if state.snapshot.state != now { state.update { $0.state = now } }
            if now == .running { state.clearError() }
        }
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

    private func beside(
        _ call: @escaping @Sendable () async -> Bool, then signal: @escaping @Sendable (Bool) -> SessionSignal
    ) {
        let continuation = signals.continuation
        Task { continuation.yield(signal(await call())) }
    }
}
