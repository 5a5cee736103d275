import ContentAddress
import Synchronization

/// The blocks of the image that is being published: every block's id, and which are already cared for.
// @unchecked: `ids` is written by many threads, each at its own positions, and read after all have ended.
final class BlockTable: @unchecked Sendable {
    private let ids: UnsafeMutableBufferPointer<BlockID>
    private let claimed: Mutex<Set<BlockID>>
    let zeroBlocks = Atomic<Int>(0)
    let newBlocks = Atomic<Int>(0)
    let newBytes = Atomic<UInt64>(0)
    let storedBytes = Atomic<UInt64>(0)

    init(count: Int, filledWith id: BlockID) {
        ids = .allocate(capacity: count)
        ids.initialize(repeating: id)
        claimed = Mutex([])
    }

    deinit { ids.deallocate() }

    func set(_ id: BlockID, at position: Int) { ids[position] = id }

    /// True for the first caller that asks with an id: it stores the block.
    func claim(_ id: BlockID) -> Bool { claimed.withLock { $0.insert(id).inserted } }

    var distinctCount: Int { claimed.withLock { $0.count } }

    /// All ids in order, once the workers have ended.
    var all: [BlockID] { Array(ids) }
}
