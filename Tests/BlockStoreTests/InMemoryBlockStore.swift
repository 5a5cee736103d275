import BlockStore
import ContentAddress
import Synchronization

/// Blocks in memory, that can be damaged, held back and counted.
final class InMemoryBlockStore: BlockStore {
    private struct State {
        var blocks: [BlockID: [UInt8]] = [:]
        var failures: [BlockID: [BlockStoreError]] = [:]
        var held: [@Sendable () -> Void]?
        var fetched: [BlockRequest] = []
        var raised: [BlockID] = []
    }

    private let state = Mutex(State())

    init(_ image: TestImage? = nil) {
        guard let image else { return }
        state.withLock { state in
            for (request, bytes) in zip(image.requests, image.blocks) { state.blocks[request.id] = bytes }
        }
    }

    /// What was asked for, in order.
    var fetched: [BlockRequest] { state.withLock { $0.fetched } }
    var raised: [BlockID] { state.withLock { $0.raised } }

    func put(_ bytes: [UInt8], as id: BlockID) { state.withLock { $0.blocks[id] = bytes } }

    /// The next fetches of the block fail so, one each.
    func fail(_ id: BlockID, _ errors: BlockStoreError...) { state.withLock { $0.failures[id, default: []] += errors } }

    /// Holds all answers back until ``release()``.
    func hold() { state.withLock { $0.held = [] } }

    func release() {
        let held = state.withLock { state in
            defer { state.held = nil }
            return state.held ?? []
        }
        held.forEach { $0() }
    }

    func fetch(_ request: BlockRequest, completion: @escaping BlockCompletion) {
        let result = state.withLock { state -> Result<BlockBytes, BlockStoreError> in
            state.fetched.append(request)
            if state.failures[request.id]?.isEmpty == false, let error = state.failures[request.id]?.removeFirst() {
                return .failure(error)
            }
            return InMemoryBlockStore.answer(request, state.blocks[request.id])
        }
        let isHeld = state.withLock { state in
            state.held?.append { completion(result) }
            return state.held != nil
        }
        if !isHeld { completion(result) }
    }

    func raise(_ id: BlockID) { state.withLock { $0.raised.append(id) } }

    private static func answer(_ request: BlockRequest, _ bytes: [UInt8]?) -> Result<BlockBytes, BlockStoreError> {
        guard let bytes else { return .failure(.missing(request.id, place: "memory")) }
        guard bytes.count == request.length else {
            return .failure(.corrupt(request.id, place: "memory", reason: "length"))
        }
        guard bytes.withUnsafeBytes({ request.algorithm.blockID(of: $0) }) == request.id else {
            return .failure(.corrupt(request.id, place: "memory", reason: "digest"))
        }
        return .success(BlockBytes(length: bytes.count) { $0.copyBytes(from: bytes) })
    }
}
