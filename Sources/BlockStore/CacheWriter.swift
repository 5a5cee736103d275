import Collections
import Linux

/// The writes of a cache, on a thread of their own: whoever fetched a block waits neither for the disk nor for a process that
/// holds the cache.
final class CacheWriter: Sendable {
    /// Where a block stands.
    enum Place {
        case inLine
        /// In line, but more wait before it than memory should hold: whoever fetches in order to keep should rest.
        case pastTheEnd
        /// There is no room in the line, or no thread.
        case declined
    }

    private struct Job: Sendable {
        let bytes: Int
        let body: @Sendable () -> Void
    }

    private struct Line {
        var jobs: Deque<Job> = []
        /// Of the jobs that wait and of the one that is being done.
        var bytes = 0
        var hasThread = false
        var isClosed = false
    }

    private let line = Monitor(Line())
    private let most: Int

    /// - Parameter most: bytes of blocks that may wait.
    init(most: Int) { self.most = most }

    deinit { close() }

    /// The thread ends when it has done what waits.
    func close() { line.change { $0.isClosed = true } }

    /// Queues a write. Never blocks.
    /// - Parameters:
    ///   - bytes: of the block.
    ///   - always: also when the line is full.
    func submit(bytes: Int, always: Bool, _ body: @escaping @Sendable () -> Void) -> Place {
        let (place, needsThread) = line.change { line -> (Place, Bool) in
            // Any one block may wait, however large.
            let fits = line.bytes == 0 || line.bytes + bytes <= most
            guard fits || always else { return (.declined, false) }
            line.jobs.append(Job(bytes: bytes, body: body))
            line.bytes += bytes
            defer { line.hasThread = true }
            return (fits ? .inLine : .pastTheEnd, !line.hasThread)
        }
        guard needsThread else { return place }
        do throws(SystemCallError) {
            try WorkerThread.start(name: "cache") { [line] in CacheWriter.work(line) }
            return place
        } catch {
            return withoutThread()
        }
    }

    /// The one job that there is was submitted by who could not start the thread, or by others meanwhile: they are done where
    /// that was found out.
    private func withoutThread() -> Place {
        let jobs = line.change { line in
            line.hasThread = false
            line.bytes = 0
            defer { line.jobs = [] }
            return line.jobs
        }
        for job in jobs { job.body() }
        return .inLine
    }

    private static func work(_ line: Monitor<Line>) {
        while true {
            // Jobs first: a closed line still does what it was given.
            let next: Job?? = line.wait { line in
                if let job = line.jobs.popFirst() { return .some(job) }
                return line.isClosed ? .some(nil) : nil
            }
            guard let job = next ?? nil else { return }
            job.body()
            line.change { $0.bytes -= job.bytes }
        }
    }
}
