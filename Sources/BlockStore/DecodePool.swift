import Collections
import ContentAddress
import Glibc
import Linux

/// Threads that read, decompress and verify blocks, one a core. Demand before prefetch.
package final class DecodePool: Sendable {
    package typealias Job = @Sendable (ChunkDecoder) -> Void

    /// The program's pool; its threads live as long as the process.
    package static let shared = DecodePool(threads: max(2, sysconf(Int32(_SC_NPROCESSORS_ONLN))))

    private struct Waiting: Sendable {
        let id: BlockID
        let job: Job
    }

    private struct Lines {
        var demand: Deque<Waiting> = []
        var prefetch: Deque<Waiting> = []
        var isClosed = false
    }

    private let lines: Monitor<Lines>
    private let hasThreads: Bool

    package init(threads: Int) {
        let lines = Monitor(Lines())
        self.lines = lines
        // Fewer threads will do; none is the last resort.
        let started = (0..<threads).prefix { _ in
            (try? WorkerThread.start(name: "decode") { DecodePool.work(lines) }) != nil
        }
        hasThreads = !started.isEmpty
    }

    deinit { lines.change { $0.isClosed = true } }

    /// Queues a job that concerns a block. Never blocks, but where no thread could be had: then the caller does the job.
    package func submit(_ id: BlockID, _ priority: BlockRequest.Priority, _ job: @escaping Job) {
        guard hasThreads else { return job(ChunkDecoder()) }
        lines.change { lines in
            let waiting = Waiting(id: id, job: job)
            if priority == .demand { lines.demand.append(waiting) } else { lines.prefetch.append(waiting) }
        }
    }

    /// Moves the waiting prefetch jobs of a block to the demands.
    package func raise(_ id: BlockID) {
        lines.change { lines in
            while let position = lines.prefetch.firstIndex(where: { $0.id == id }) {
                lines.demand.append(lines.prefetch.remove(at: position))
            }
        }
    }

    private static func work(_ lines: Monitor<Lines>) {
        let decoder = ChunkDecoder()
        while true {
            // Jobs first: a closed pool still does what it was given.
            let next: Job?? = lines.wait { lines in
                if let waiting = lines.demand.popFirst() ?? lines.prefetch.popFirst() { return .some(waiting.job) }
                return lines.isClosed ? .some(nil) : nil
            }
            guard let job = next ?? nil else { return }
            job(decoder)
        }
    }
}
