import Collections
import Linux

/// The writes of a cache, on a thread of their own: a fetch waits neither for the disk nor for another process that holds the
/// cache.
final class CacheWriter: Sendable {
    /// What becomes of a block.
    enum Place {
        case queued
        /// Queued, but behind more than memory should hold: a fetch in order to keep should pause.
        case beyondLimit
        /// There is no room in the queue, or no thread.
        case declined
    }

    private struct Job: Sendable {
        let bytes: Int
        let body: @Sendable () -> Void
    }

    private struct Queue {
        var jobs: Deque<Job> = []
        /// Of the jobs that wait and of the one that is being done.
        var bytes = 0
        var hasThread = false
        /// In ``MonotonicClock`` nanoseconds: until then no thread is started, after one that could not be.
        var pausedUntil: UInt64 = 0
        var isClosed = false
    }

    /// Nanoseconds without a try after a thread could not be started: each try takes a second.
    private static let pause: UInt64 = 10_000_000_000

    private let queue = Monitor(Queue())
    private let most: Int

    /// - Parameter most: bytes of blocks that may wait.
    init(most: Int) { self.most = most }

    deinit { close() }

    /// The thread ends when it has done what waits.
    func close() { queue.change { $0.isClosed = true } }

    /// Queues a write and does not wait for it. Where no thread can be started it tries for a second every ten, and what is
    /// wanted `always` is written by the caller.
    /// - Parameters:
    ///   - bytes: of the block.
    ///   - always: also when the queue is full, or there is no thread.
    func submit(bytes: Int, always: Bool, _ body: @escaping @Sendable () -> Void) -> Place {
        let (place, needsThread) = queue.change { queue -> (Place?, Bool) in
            if !queue.hasThread, queue.pausedUntil > MonotonicClock.nanoseconds {
                return (always ? nil : .declined, false)
            }
            // Any one block may wait, however large.
            let fits = queue.bytes == 0 || queue.bytes + bytes <= most
            guard fits || always else { return (.declined, false) }
            queue.jobs.append(Job(bytes: bytes, body: body))
            queue.bytes += bytes
            defer { queue.hasThread = true }
            return (fits ? .queued : .beyondLimit, !queue.hasThread)
        }
        guard let place else {
            body()
            return .queued
        }
        guard needsThread else { return place }
        do throws(SystemCallError) {
            try WorkerThread.start(name: "cache") { [queue] in CacheWriter.work(queue) }
            return place
        } catch {
            return withoutThread(always: always)
        }
    }

    /// The first job is the one of the caller that could not start the thread; it is declined unless it is wanted `always`. What
    /// others submitted meanwhile is done by this caller.
    private func withoutThread(always: Bool) -> Place {
        let jobs = queue.change { queue in
            queue.hasThread = false
            queue.pausedUntil = MonotonicClock.nanoseconds + CacheWriter.pause
            queue.bytes = 0
            if !always { _ = queue.jobs.popFirst() }
            defer { queue.jobs = [] }
            return queue.jobs
        }
        for job in jobs { job.body() }
        return always ? .queued : .declined
    }

    private static func work(_ queue: Monitor<Queue>) {
        while true {
            // Jobs first: a closed queue still does what it was given.
            let next: Job?? = queue.wait { queue in
                if let job = queue.jobs.popFirst() { return .some(job) }
                return queue.isClosed ? .some(nil) : nil
            }
            guard let job = next ?? nil else { return }
            job.body()
            queue.change { $0.bytes -= job.bytes }
        }
    }
}
