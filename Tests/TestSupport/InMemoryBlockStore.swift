import BlockStore
import ContentAddress
import Linux
import Synchronization

/// Blocks in a dictionary, and everything that can go wrong with a store at the push of a button.
package final class InMemoryBlockStore: BlockStore {
    private struct State {
        var blocks: [BlockID: [UInt8]] = [:]
        var local: Set<BlockID> = []
        var failures: [BlockID: [BlockStoreError]] = [:]
        var isHolding = false
        var hanging: Set<BlockID> = []
        var held: [Fetch] = []
        var fetched: [BlockRequest] = []
        var raised: [BlockID] = []
        var cancelled: [BlockID] = []
    }

    private struct Fetch: Sendable {
        let request: BlockRequest
        let result: Result<BlockBytes, BlockStoreError>
        let completion: BlockCompletion
    }

    private let state: Mutex<State>
    private let answersAtOnce: Bool
    private let keepsLocally: Bool

    /// - Parameters:
    ///   - answersAtOnce: within `fetch`, else on a thread of its own each.
    ///   - keepsLocally: what was fetched once can be read from then on.
    package init(_ blocks: [BlockID: [UInt8]] = [:], answersAtOnce: Bool = true, keepsLocally: Bool = false) {
        state = Mutex(State(blocks: blocks))
        self.answersAtOnce = answersAtOnce
        self.keepsLocally = keepsLocally
    }

    // MARK: What was asked, in order

    package var fetched: [BlockRequest] { state.withLock { $0.fetched } }
    package var raised: [BlockID] { state.withLock { $0.raised } }
    package var cancelled: [BlockID] { state.withLock { $0.cancelled } }

    package func fetchCount(of id: BlockID) -> Int { state.withLock { $0.fetched.count { $0.id == id } } }

    // MARK: What it has and does

    package func put(_ bytes: [UInt8], as id: BlockID) { state.withLock { $0.blocks[id] = bytes } }

    /// Every fetch of this block finds it missing.
    package func remove(_ id: BlockID) { state.withLock { $0.blocks[id] = nil } }

    /// Makes every block one that can be read without a fetch.
    package func bringAllHere() { state.withLock { $0.local = Set($0.blocks.keys) } }

    /// The next fetches of the block fail so, one each.
    package func fail(_ id: BlockID, _ errors: BlockStoreError...) {
        state.withLock { $0.failures[id, default: []] += errors }
    }

    /// Holds all answers back until ``release()``.
    package func hold() { state.withLock { $0.isHolding = true } }

    /// Holds this block's answers back until ``release()``.
    package func hang(_ id: BlockID) { state.withLock { _ = $0.hanging.insert(id) } }

    /// Gives the answers that are held back; later ones are held back as before.
    package func releaseHeld() {
        let held = state.withLock { state in
            defer { state.held = [] }
            return state.held
        }
        held.forEach(answer)
    }

    package func release() {
        let held = state.withLock { state in
            (state.isHolding, state.hanging) = (false, [])
            defer { state.held = [] }
            return state.held
        }
        held.forEach(answer)
    }

    // MARK: BlockStore

    package func fetch(_ request: BlockRequest, completion: @escaping BlockCompletion) {
        let fetch = state.withLock { state -> Fetch? in
            state.fetched.append(request)
            let fetch = Fetch(
                request: request, result: InMemoryBlockStore.result(request, &state), completion: completion)
            guard state.isHolding || state.hanging.contains(request.id) else { return fetch }
            state.held.append(fetch)
            return nil
        }
        guard let fetch else { return }
        // Where there is no thread the caller answers.
        if answersAtOnce || (try? WorkerThread.start(name: "test-fetch") { self.answer(fetch) }) == nil {
            answer(fetch)
        }
    }

    package func read(_ request: BlockRequest, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
        guard let bytes = state.withLock({ $0.local.contains(request.id) ? $0.blocks[request.id] : nil }) else {
            return false
        }
        bytes.withUnsafeBytes { source in
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[offset..<(offset + buffer.count)]))
        }
        return true
    }

    package func raise(_ id: BlockID) { state.withLock { $0.raised.append(id) } }

    /// Breaks off the oldest fetch of the block that is held back.
    package func cancel(_ id: BlockID) {
        let broken = state.withLock { state -> Fetch? in
            state.cancelled.append(id)
            return state.held.firstIndex { $0.request.id == id }.map { state.held.remove(at: $0) }
        }
        broken?.completion(.failure(.closed))
    }

    private func answer(_ fetch: Fetch) {
        if keepsLocally, case .success = fetch.result { state.withLock { _ = $0.local.insert(fetch.request.id) } }
        fetch.completion(fetch.result)
    }

    private static func result(
        _ request: BlockRequest, _ state: inout State
    ) -> Result<BlockBytes, BlockStoreError> {
        if state.failures[request.id]?.isEmpty == false, let error = state.failures[request.id]?.removeFirst() {
            return .failure(error)
        }
        guard let bytes = state.blocks[request.id] else { return .failure(.missing(request.id, place: "memory")) }
        guard bytes.count == request.length else {
            return .failure(.corrupt(request.id, place: "memory", reason: "length"))
        }
        guard bytes.withUnsafeBytes({ request.algorithm.blockID(of: $0) }) == request.id else {
            return .failure(.corrupt(request.id, place: "memory", reason: "digest"))
        }
        return .success(BlockBytes(length: bytes.count) { $0.copyBytes(from: bytes) })
    }
}
