import Glibc
import Linux
import Synchronization

/// The only thread that calls ncurses: an executor whose jobs take turns with input and a timer.
///
/// Not the main actor: the main thread is blocked by a synchronous `main`.
package final class UIThread: SerialExecutor {
    /// Called on the thread with the descriptors that became readable; empty if only the timer fired.
    package typealias Handler = @Sendable (_ ready: Set<Int32>) -> Void

    private struct Shared {
        var jobs: [UnownedJob] = []
        var sources: [Int32] = []
        /// ``MonotonicClock`` time at which the handler is called without any input.
        var timer: UInt64?
        var handler: Handler?
        var thread: pthread_t?
        var isEnding = false
    }

    private let shared = Mutex(Shared())
    private let wake: EventDescriptor

    /// Starts the thread.
    /// - Throws: ``SystemCallError``.
    package init() throws(SystemCallError) {
        wake = try EventDescriptor()
        try WorkerThread.start(name: "screen") { self.run() }
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        shared.withLock { $0.jobs.append(job) }
        wake.signal()
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    package func checkIsolated() {
        precondition(isThisThread, "not on the screen's thread")
    }

    private var isThisThread: Bool {
        shared.withLock { $0.thread.map { pthread_equal($0, pthread_self()) != 0 } ?? false }
    }

    /// Sets the descriptors to wait for besides jobs. Call it on the thread, or before anything else.
    package func wait(for sources: [Int32], _ handler: @escaping Handler) {
        shared.withLock {
            $0.sources = sources
            $0.handler = handler
        }
        wake.signal()
    }

    /// Sets the latest time for the next call of the handler; nil for never.
    package func setTimer(_ time: UInt64?) {
        shared.withLock { $0.timer = time }
        if !isThisThread { wake.signal() }
    }

    /// Ends the thread after its pending jobs.
    package func end() {
        shared.withLock {
            $0.isEnding = true
            $0.handler = nil
            $0.sources = []
        }
        wake.signal()
    }

    private func run() {
        shared.withLock { $0.thread = pthread_self() }
        while true {
            while case let jobs = shared.withLock({ takeJobs(&$0) }), !jobs.isEmpty {
                for job in jobs { job.runSynchronously(on: asUnownedSerialExecutor()) }
            }
            let (sources, timer, isEnding) = shared.withLock { ($0.sources, $0.timer, $0.isEnding) }
            if isEnding { return }
            waitOnce(sources, timer)
        }
    }

    private func takeJobs(_ shared: inout Shared) -> [UnownedJob] {
        let jobs = shared.jobs
        shared.jobs = []
        return jobs
    }

    private func waitOnce(_ sources: [Int32], _ timer: UInt64?) {
        var items = ([wake.descriptor] + sources).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        var milliseconds: Int32 = -1
        if let timer {
            let now = MonotonicClock.nanoseconds
            milliseconds = timer <= now ? 0 : Int32(clamping: (timer - now + 999_999) / 1_000_000)
        }
        let count = poll(&items, nfds_t(items.count), milliseconds)
        if count < 0 { return }
        if items[0].revents != 0 { wake.clear() }
        let ready = Set(items.dropFirst().filter { $0.revents != 0 }.map(\.fd))
        let isDue = timer.map { $0 <= MonotonicClock.nanoseconds } ?? false
        guard !ready.isEmpty || isDue else { return }
        if isDue { shared.withLock { if $0.timer == timer { $0.timer = nil } } }
        shared.withLock { $0.handler }?(ready)
    }
}
