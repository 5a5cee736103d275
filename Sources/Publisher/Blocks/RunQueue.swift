import Glibc
import Linux

/// Hands runs from the reader to the workers and back, so that memory is bounded by the number of runs.
///
/// The first failure stops everybody: nobody gets a run any more.
// @unchecked: every member but the mutex and the conditions is touched only while the mutex is held.
final class RunQueue: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t> = .allocate(capacity: 1)
    private let changed: UnsafeMutablePointer<pthread_cond_t> = .allocate(capacity: 1)
    private var free: [ReadRun]
    private var full: [ReadRun] = []
    private var nextFull = 0
    private var isFinished = false
    private var workers: Int
    private var failure: PublisherError?

    /// Workers that can compute at the same time.
    static var processors: Int { sysconf(Int32(_SC_NPROCESSORS_ONLN)) }

    init(runs: Int, capacity: Int, workers: Int) {
        free = (0..<runs).map { _ in ReadRun(capacity: capacity) }
        self.workers = workers
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }

    /// An empty run for the reader; waits for one. Nil after a failure.
    func takeFree() -> ReadRun? {
        locked {
            while free.isEmpty && failure == nil { pthread_cond_wait(changed, mutex) }
            return failure == nil ? free.popLast() : nil
        }
    }

    func putFull(_ run: ReadRun) {
        locked {
            full.append(run)
            pthread_cond_broadcast(changed)
        }
    }

    /// The next run for a worker; waits for one. Nil at the end and after a failure.
    func takeFull() -> ReadRun? {
        locked {
            while nextFull == full.count && !isFinished && failure == nil { pthread_cond_wait(changed, mutex) }
            guard failure == nil, nextFull < full.count else { return nil }
            let run = full[nextFull]
            nextFull += 1
            if nextFull == full.count {
                full.removeAll(keepingCapacity: true)
                nextFull = 0
            }
            return run
        }
    }

    func putFree(_ run: ReadRun) {
        locked {
            free.append(run)
            pthread_cond_broadcast(changed)
        }
    }

    /// Stops everybody; the first failure counts.
    func fail(_ error: PublisherError) {
        locked {
            if failure == nil { failure = error }
            pthread_cond_broadcast(changed)
        }
    }

    /// Starts one of the workers. What it throws, and that no thread can be had for it, stops everybody.
    func startWorker(name: String, _ work: @escaping @Sendable () throws(PublisherError) -> Void) {
        do throws(SystemCallError) {
            try WorkerThread.start(name: name) {
                do throws(PublisherError) { try work() } catch { self.fail(error) }
                self.workerEnded()
            }
        } catch {
            fail(.unreadable(error))
            workerEnded()
        }
    }

    /// A worker's last call.
    private func workerEnded() {
        locked {
            workers -= 1
            pthread_cond_broadcast(changed)
        }
    }

    /// The reader's last call: waits until all workers have ended.
    /// - Throws: the first failure.
    func finish() throws(PublisherError) {
        let failure = locked {
            isFinished = true
            pthread_cond_broadcast(changed)
            while workers > 0 { pthread_cond_wait(changed, mutex) }
            return self.failure
        }
        if let failure { throw failure }
    }
}

/// A piece of the image in memory: some whole blocks that lie together (the image's last may be short).
// @unchecked: one thread at a time has a run: the reader fills it, RunQueue hands it over under its lock.
final class ReadRun: @unchecked Sendable {
    /// The first block's number.
    var firstBlock = 0
    /// Bytes that are filled.
    var count = 0
    private let buffer: UnsafeMutableRawBufferPointer

    init(capacity: Int) { buffer = .allocate(byteCount: capacity, alignment: 4096) }

    deinit { buffer.deallocate() }

    /// The part that is to be filled.
    var space: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]) }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(space) }
}
