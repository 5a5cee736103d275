import Collections
import Glibc
import Linux

/// Threads that decompress and verify blocks, one a core.
///
/// They take what comes first. Which block goes before which has been decided by whoever asked for it: a mirror's answers
/// come a few at a time and a block takes well under a millisecond, so that the last of them waits for some milliseconds.
package final class DecodePool: Sendable {
    package typealias Job = @Sendable (ChunkDecoder) -> Void

    /// The program's pool; its threads live as long as the process.
    package static let shared = DecodePool(name: "decode", threads: cores)
    /// For what reads whole blocks of the cache ahead of those who want them. A disk takes its time, which nobody whose block
    /// has come over the network should have to wait for.
    package static let lookups = DecodePool(name: "lookup", threads: cores)

    private static let cores = max(2, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

    private struct Queue {
        var jobs: Deque<Job> = []
        var isClosed = false
    }

    private let queue: Monitor<Queue>
    private let hasThreads: Bool

    /// - Parameter name: of its threads.
    package init(name: String, threads: Int) {
        let queue = Monitor(Queue())
        self.queue = queue
        // Fewer threads will do; none is the last resort.
        let started = (0..<threads).prefix { _ in
            (try? WorkerThread.start(name: name) { DecodePool.work(queue) }) != nil
        }
        hasThreads = !started.isEmpty
    }

    deinit { queue.change { $0.isClosed = true } }

    /// Queues a job. Never waits, unless no thread could be started: then the caller does the job.
    package func submit(_ job: @escaping Job) {
        guard hasThreads else { return job(ChunkDecoder()) }
        queue.change { $0.jobs.append(job) }
    }

    private static func work(_ queue: Monitor<Queue>) {
        let decoder = ChunkDecoder()
        while true {
            // Jobs first: a closed pool still does what it was given.
            let next: Job?? = queue.wait { queue in
                if let job = queue.jobs.popFirst() { return .some(job) }
                return queue.isClosed ? .some(nil) : nil
            }
            guard let job = next ?? nil else { return }
            job(decoder)
        }
    }
}
