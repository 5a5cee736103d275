import BlockStore
import ContentAddress
import ImageIndex
import Linux

/// Fetches blocks of an image into the cache, several at a time.
package struct ImageFetch: Sendable {
    /// How far it is. Bytes are the image's own, uncompressed; holes do not count, and a block that repeats counts once.
    package struct Progress: Sendable {
        package var doneBytes: UInt64 = 0
        package var totalBytes: UInt64 = 0
        package var doneBlocks = 0
        package var totalBlocks = 0
    }

    private let index: ImageIndex
    private let store: any BlockStore
    private let parallel: Int
    private let ledger: PieceLedger?

    /// - Parameters:
    ///   - parallel: requests in flight; fewer where blocks are very long.
    ///   - ledger: of a file whose index has made-up ids.
    package init(index: ImageIndex, store: any BlockStore, parallel: Int = 32, ledger: PieceLedger? = nil) {
        self.ledger = ledger
        self.index = index
        self.store = store
        self.parallel = ImageFetch.parallel(parallel, for: index)
    }

    /// Bytes of blocks that have come and wait to be written to the cache, at most: they are in memory until then.
    private static let mostBytes = 256 << 20

    /// As many requests as wanted, as far as their blocks fit into memory.
    static func parallel(_ wanted: Int, for index: ImageIndex) -> Int {
        max(1, min(wanted, mostBytes / max(1, index.longestBlock)))
    }

    /// The different blocks of a part of the image, in order, without holes.
    /// - Parameter part: bytes of the image; nil means all.
    /// - Throws: ``ImageIndexError``.
    package func blocks(in part: Range<UInt64>? = nil) throws -> [IndexedBlock] {
        let part = (part ?? 0..<index.imageSize).clamped(to: 0..<index.imageSize)
        var blocks: [IndexedBlock] = []
        var seen = Set<BlockID>()
        var position = part.isEmpty ? index.count : try index.block(containing: part.lowerBound).position
        while position < index.count {
            let block = try index.block(at: position)
            if block.offset >= part.upperBound { break }
            position += 1
            if !block.isHole && seen.insert(block.id).inserted { blocks.append(block) }
        }
        return blocks
    }

    /// Fetches blocks in their order; one that is stored already is verified.
    /// - Parameters:
    ///   - blocks: nil means all of the image.
    ///   - priority: demand if somebody is waiting for the end.
    ///   - progress: called after every block, one call at a time.
    /// - Throws: the first ``BlockStoreError``, ``ImageIndexError``; CancellationError.
    package func run(
        _ blocks: [IndexedBlock]? = nil, priority: BlockRequest.Priority, progress: (Progress) -> Void = { _ in }
    ) async throws {
        let blocks = try blocks ?? self.blocks()
        var state = Progress()
        state.totalBytes = blocks.reduce(0) { $0 + UInt64($1.length) }
        state.totalBlocks = blocks.count
        progress(state)

        try await withThrowingTaskGroup(of: Int.self) { group in
            var next = blocks.makeIterator()
            func add() {
                guard let block = next.next() else { return }
                let request = BlockRequest(
                    id: block.id, length: block.length, algorithm: index.algorithm, priority: priority,
                    isForKeeping: true, ledger: ledger)
                group.addTask {
                    try Task.checkCancellation()
                    _ = try await store.block(request)
                    return block.length
                }
            }
            for _ in 0..<parallel { add() }
            for try await length in group {
                state.doneBlocks += 1
                state.doneBytes += UInt64(length)
                progress(state)
                add()
            }
        }
    }
}
