import BlockStore
import ContentAddress
import Linux
import Synchronization

/// Blocks that were made on this machine, of a packed file, and lie nowhere but in the cache: one that is missing there, or was damaged, is
/// made again, and all the others with it.
final class RemadeBlockStore: BlockStore {
    private struct State {
        var waiting: [(request: BlockRequest, completion: BlockCompletion)] = []
        var isMaking = false
    }

    private let cache: BlockCache
    private let remake: @Sendable () async throws -> Void
    private let state = Mutex(State())

    /// - Parameter remake: returns when all blocks are in the cache.
    init(cache: BlockCache, remake: @escaping @Sendable () async throws -> Void) {
        (self.cache, self.remake) = (cache, remake)
    }

    func fetch(_ request: BlockRequest, completion: @escaping BlockCompletion) {
        let isFirst = state.withLock { state in
            state.waiting.append((request, completion))
            defer { state.isMaking = true }
            return !state.isMaking
        }
        if isFirst { Task { await make() } }
    }

    private func make() async {
        var failure: BlockStoreError?
        do { try await remake() } catch { failure = .unreachable(place: cache.directory, cause: error) }
        let waiting = state.withLock { state in
            defer { state = State() }
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
