import BlockStore
import ContentAddress
import Linux
import Synchronization

/// Blocks that were made on this machine, of a packed file, and lie nowhere but in the cache: one that is missing there, or was damaged, is
/// made again, and all the others with it.
final class RemadeBlockStore: BlockStore {
    private struct State {
        var waiting: [(request: BlockRequest, completion: BlockCompletion)] = []
        var work: Task<Void, Never>?
        var isClosed = false
        /// Why the cache could not keep them, and until when nobody tries again, in nanoseconds.
        var refusal: (error: BlockStoreError, until: UInt64)?
    }

    /// Nanoseconds for which nothing is downloaded again that the cache could not keep.
    private static let refusalTime: UInt64 = 600_000_000_000

    private let cache: BlockCache
    private let remake: @Sendable () async throws -> Void
    private let state = Mutex(State())

    /// - Parameter remake: returns when all blocks are in the cache.
    init(cache: BlockCache, remake: @escaping @Sendable () async throws -> Void) {
        (self.cache, self.remake) = (cache, remake)
    }

    func fetch(_ request: BlockRequest, completion: @escaping BlockCompletion) {
        let failure: BlockStoreError? = state.withLock { state in
            if state.isClosed { return .closed }
            if let refusal = state.refusal, MonotonicClock.nanoseconds < refusal.until { return refusal.error }
            state.waiting.append((request, completion))
            if state.work == nil { state.work = Task { await make() } }
            return nil
        }
        if let failure { completion(.failure(failure)) }
    }

    /// Ends the work; what waits fails, as all that comes later.
    func close() {
        let work = state.withLock { state in
            state.isClosed = true
            return state.work
        }
        work?.cancel()
    }

    private func make() async {
        var failure: BlockStoreError?
        var isRefused = false
        do { try await remake() } catch {
            failure = .unreachable(place: cache.directory, cause: error)
            if case VersionFetchError.notKept = error { isRefused = true }
        }
        let waiting = state.withLock { state in
            defer { (state.waiting, state.work) = ([], nil) }
            if state.isClosed { failure = .closed }
            // To download it for each block that is missing would be in vain as often.
            if isRefused, let failure {
                state.refusal = (failure, MonotonicClock.nanoseconds + RemadeBlockStore.refusalTime)
            }
            return state.waiting
        }
        let answer: @Sendable () -> Void = { [cache, failure] in
            for (request, completion) in waiting {
                if let failure {
                    completion(.failure(failure))
                } else if let bytes = cache.load(request) {
                    completion(.success(bytes))
                } else {
                    completion(.failure(.missing(request.id, place: cache.directory)))
                }
            }
        }
        // The disk is waited for; without a thread to do so, here.
        if (try? await WorkerThread.run(name: "remade", answer)) == nil { answer() }
    }

    // The cache before it was asked already.
    func read(_ request: BlockRequest, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Bool { false }

    // All come at the same time.
    func raise(_ id: BlockID) {}

    // What is made for one is made for all.
    func cancel(_ id: BlockID) {}
}
