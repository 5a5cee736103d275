import BlockStore
import ContentAddress
import Linux
import Synchronization

/// Blocks in a dictionary, and everything that can go wrong with a store at the push of a button.
final class InMemoryBlockStore: BlockStore {
    private struct State {
        var blocks: [BlockID: [UInt8]] = [:]
        var here: Set<BlockID> = []
        var hanging: Set<BlockID> = []
        var held: [(BlockRequest, BlockCompletion)] = []
        var failures: [BlockID: [BlockStoreError]] = [:]
        var fetches: [BlockID: Int] = [:]
    }

    private let state = Mutex(State())
    private let answersAtOnce: Bool

    /// - Parameter answersAtOnce: within `fetch`, else on another thread.
    init(answersAtOnce: Bool = false) { self.answersAtOnce = answersAtOnce }

    func add(_ id: BlockID, _ bytes: [UInt8]) { state.withLock { $0.blocks[id] = bytes } }

    /// Makes every block one that needs no fetch.
    func bringAllHere() { state.withLock { $0.here = Set($0.blocks.keys) } }

    /// Fetches of this block are not answered until ``release()``.
    func hang(_ id: BlockID) { state.withLock { _ = $0.hanging.insert(id) } }

    /// The next fetches of this block fail so.
    func fail(_ id: BlockID, with errors: [BlockStoreError]) { state.withLock { $0.failures[id] = errors } }

    /// Answers what hung.
    func release() {
        let held = state.withLock { state in
            state.hanging = []
            defer { state.held = [] }
            return state.held
        }
        for (request, completion) in held { answer(request, completion) }
    }

    func fetchCount(of id: BlockID) -> Int { state.withLock { $0.fetches[id, default: 0] } }

    var fetched: Set<BlockID> { state.withLock { Set($0.fetches.keys) } }

    func read(_ request: BlockRequest, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
        guard let bytes = state.withLock({ $0.here.contains(request.id) ? $0.blocks[request.id] : nil }) else {
            return false
        }
        bytes.withUnsafeBytes { source in
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[offset..<(offset + buffer.count)]))
        }
        return true
    }

    func fetch(_ request: BlockRequest, completion: @escaping BlockCompletion) {
        let isHeld = state.withLock { state in
            state.fetches[request.id, default: 0] += 1
            guard state.hanging.contains(request.id) else { return false }
            state.held.append((request, completion))
            return true
        }
        if isHeld { return }
        if answersAtOnce {
            answer(request, completion)
        } else {
            try? WorkerThread.start(name: "test-fetch") { self.answer(request, completion) }
        }
    }

    private func answer(_ request: BlockRequest, _ completion: BlockCompletion) {
        let result = state.withLock { state -> Result<[UInt8], BlockStoreError> in
            if var errors = state.failures[request.id], !errors.isEmpty {
                let error = errors.removeFirst()
                state.failures[request.id] = errors
                return .failure(error)
            }
            guard let bytes = state.blocks[request.id] else { return .failure(.missing(request.id, place: "memory")) }
            state.here.insert(request.id)
            return .success(bytes)
        }
        completion(
            result.map { bytes in BlockBytes(length: bytes.count) { $0.copyBytes(from: bytes) } })
    }
}
