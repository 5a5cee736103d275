import BlockStore
import ContentAddress
import Linux
import Synchronization

/// Blocks in a dictionary; counts what is asked for, and fails or waits when told to.
final class InMemoryBlockStore: BlockStore {
    private struct State {
        var requests: [BlockRequest] = []
        var failing: Set<BlockID> = []
        var isHolding = false
        var held: [(BlockRequest, BlockCompletion)] = []
    }

    private let blocks: [BlockID: [UInt8]]
    private let state = Mutex(State())

    init(_ image: SmallImage) {
        blocks = Dictionary(zip(image.ids, image.contents), uniquingKeysWith: { first, _ in first })
    }

    /// In the order of the requests.
    var requests: [BlockRequest] { state.withLock { $0.requests } }

    /// Every fetch of this block fails.
    func fail(_ id: BlockID) { state.withLock { _ = $0.failing.insert(id) } }

    /// Fetches are not answered until ``release()``.
    func hold() { state.withLock { $0.isHolding = true } }

    func release() {
        let held = state.withLock { state in
            state.isHolding = false
            defer { state.held = [] }
            return state.held
        }
        for (request, completion) in held { answer(request, completion) }
    }

    func fetch(_ request: BlockRequest, completion: @escaping BlockCompletion) {
        let isHeld = state.withLock { state in
            state.requests.append(request)
            if state.isHolding { state.held.append((request, completion)) }
            return state.isHolding
        }
        if !isHeld { try? WorkerThread.start(name: "test-fetch") { self.answer(request, completion) } }
    }

    private func answer(_ request: BlockRequest, _ completion: BlockCompletion) {
        guard let bytes = blocks[request.id], !state.withLock({ $0.failing.contains(request.id) }) else {
            completion(.failure(.missing(request.id, place: "memory")))
            return
        }
        completion(.success(BlockBytes(length: bytes.count) { $0.copyBytes(from: bytes) }))
    }
}
