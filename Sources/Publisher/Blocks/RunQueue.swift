import Linux

/// Hands runs from the reader to the workers and back, so that memory is bounded by the number of runs.
///
/// The first failure stops everybody: nobody gets a run any more.
final class RunQueue: Sendable {
    private struct State {
        var free: [ReadRun]
        var full: [ReadRun] = []
        /// The first of `full` that no worker has taken.
        var nextFull = 0
        var isFinished = false
        var workers: Int
        var failure: PublisherError?
    }

    private let state: Monitor<State>

    /// Workers that can compute at the same time.
    static var processors: Int { Machine.processors }

    init(runs: Int, capacity: Int, workers: Int) {
        state = Monitor(State(free: (0..<runs).map { _ in ReadRun(capacity: capacity) }, workers: workers))
    }

    /// An empty run for the reader; waits for one. Nil after a failure.
    func takeFree() -> ReadRun? {
        let taken: ReadRun?? = state.wait { state in
            if state.failure != nil { return .some(nil) }
            return state.free.popLast().map(Optional.some)
        }
        return taken ?? nil
    }

    func putFull(_ run: ReadRun) { state.change { $0.full.append(run) } }

    /// The next run for a worker; waits for one. Nil at the end and after a failure.
    func takeFull() -> ReadRun? {
        let taken: ReadRun?? = state.wait { state in
            if state.failure != nil { return .some(nil) }
            guard state.nextFull < state.full.count else { return state.isFinished ? .some(nil) : nil }
            let run = state.full[state.nextFull]
            state.nextFull += 1
            if state.nextFull == state.full.count {
                state.full.removeAll(keepingCapacity: true)
                state.nextFull = 0
            }
            return .some(run)
        }
        return taken ?? nil
    }

    func putFree(_ run: ReadRun) { state.change { $0.free.append(run) } }

    /// Stops everybody; the first failure counts.
    func fail(_ error: PublisherError) { state.change { $0.failure = $0.failure ?? error } }

    /// Starts one of the workers. What it throws, and that no thread can be started for it, stops everybody.
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
    private func workerEnded() { state.change { $0.workers -= 1 } }

    /// The reader's last call: waits until all workers have ended.
    /// - Throws: the first failure.
    func finish() throws(PublisherError) {
        state.change { $0.isFinished = true }
        let ended: PublisherError?? = state.wait { $0.workers > 0 ? nil : .some($0.failure) }
        if let failure = ended ?? nil { throw failure }
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
