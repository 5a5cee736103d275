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
        /// In ``MonotonicClock`` nanoseconds: until then no thread is started, after one that could not be.
        var pausedUntil: UInt64 = 0
        var isClosed = false
    }

    /// Nanoseconds without a try after a thread could not be started: each try takes a second.
    private static let pause: UInt64 = 10_000_000_000

    private let line = Monitor(Line())
    private let most: Int

    /// - Parameter most: bytes of blocks that may wait.
    init(most: Int) { self.most = most }

    deinit { close() }

    /// The thread ends when it has done what waits.
    func close() { line.change { $0.isClosed = true } }

    /// Queues a write. Waits for none; but where no thread can be had it blocks for a second every ten, and what is wanted
    /// `always` is written at once.
    /// - Parameters:
    ///   - bytes: of the block.
    ///   - always: also when the line is full, or there is no thread.
    func submit(bytes: Int, always: Bool, _ body: @escaping @Sendable () -> Void) -> Place {
        let (place, needsThread) = line.change { line -> (Place?, Bool) in
            if !line.hasThread, line.pausedUntil > MonotonicClock.nanoseconds {
                return (always ? nil : .declined, false)
            }
            // Any one block may wait, however large.
            let fits = line.bytes == 0 || line.bytes + bytes <= most
            guard fits || always else { return (.declined, false) }
            line.jobs.append(Job(bytes: bytes, body: body))
            line.bytes += bytes
            defer { line.hasThread = true }
            return (fits ? .inLine : .pastTheEnd, !line.hasThread)
        }
        guard let place else {
            body()
            return .inLine
        }
        guard needsThread else { return place }
        do throws(SystemCallError) {
            try WorkerThread.start(name: "cache") { [line] in CacheWriter.work(line) }
            return place
        } catch {
            return withoutThread(always: always)
        }
    }

    /// The first job was submitted by who could not start the thread, and is declined unless it is wanted `always`. What others
    /// submitted meanwhile is done where that was found out.
    private func withoutThread(always: Bool) -> Place {
        let jobs = line.change { line in
            line.hasThread = false
            line.pausedUntil = MonotonicClock.nanoseconds + CacheWriter.pause
            line.bytes = 0
            if !always { _ = line.jobs.popFirst() }
            defer { line.jobs = [] }
            return line.jobs
        }
        for job in jobs { job.body() }
        return always ? .inLine : .declined
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
