import ContentAddress
import ImageIndex
import Synchronization

/// Records which blocks and which pages a boot reads, in the order of their first reads, until the disk is quiet.
final class BootRecorder: Sendable {
    /// For how long a disk must be quiet for a boot to count as over, and after how long it counts as over in any case.
    struct Limits: Sendable {
        var quiet: Duration = .seconds(10)
        var longest: Duration = .seconds(300)
        /// The part of a CPU that a guest uses while it still starts: an emulated kernel computes for longer than a disk may be
        /// quiet, and an emulated guest at its login prompt takes a tenth at most (measured).
        var busy = 0.25
        /// The boot of a guest that keeps computing is over when its disk has been quiet for so many times as long: its kernel has
        /// panicked, or it is doing other work now.
        var patience = 4
    }

    private struct State {
        var ids: [BlockID] = []
        var pages = BootPages()
        var lastTouch = ContinuousClock.now
    }

    private let limits: Limits
    private let state = Mutex(State())
    /// Set under the lock. Readers look at it first, so that they share no lock once the boot is over.
    private let isOver = Atomic(false)

    init(limits: Limits = Limits()) { self.limits = limits }

    func touched(_ block: IndexedBlock) {
        state.withLock { state in
            state.lastTouch = ContinuousClock.now
            if !isOver.load(ordering: .relaxed) && state.ids.count < BootSet.longest { state.ids.append(block.id) }
        }
    }

    /// Notes the pages of a read, of whatever the image is: a hole's, too.
    func read(_ bytes: Range<UInt64>) {
        guard !isOver.load(ordering: .relaxed), let run = PageRun(bytes: bytes) else { return }
        state.withLock { state in
            if !isOver.load(ordering: .relaxed) { state.pages.add(run) }
        }
    }

    /// The pages that were read until now, or until the boot was over.
    var pages: BootPages { state.withLock { $0.pages } }

    /// Returns when the boot is over. Later reads are not recorded.
    /// - Parameter cpuSeconds: the CPU time that the guest has used so far; nil if it is not known.
    /// - Throws: CancellationError.
    func finish(cpuSeconds: @Sendable () async -> Double? = { nil }) async throws -> BootSet {
        let clock = ContinuousClock()
        let start = clock.now
        var lastLook: (time: ContinuousClock.Instant, cpu: Double)?
        var lastBusy = start
        while true {
            try await Task.sleep(for: min(.seconds(1), limits.quiet / 4))
            // Taken before asking: what is used until a late answer then counts as busy, and ends no boot early.
            let asked = clock.now
            if let cpu = await cpuSeconds() {
                if let lastLook, cpu - lastLook.cpu > limits.busy * (lastLook.time.duration(to: asked) / .seconds(1)) {
                    lastBusy = clock.now
                }
                lastLook = (asked, cpu)
            }
            let ids = state.withLock { state -> [BlockID]? in
                let now = clock.now
                guard
                    max(state.lastTouch, lastBusy).duration(to: now) >= limits.quiet
                        || state.lastTouch.duration(to: now) >= limits.quiet * limits.patience
                        || start.duration(to: now) >= limits.longest
                else { return nil }
                isOver.store(true, ordering: .relaxed)
                return state.ids
            }
            if let ids { return BootSet(ids) }
        }
    }
}
