import BlockStore
import ImageIndex

/// How much of an image is in the cache.
package struct CachedShare: Sendable {
    /// Bytes of the image whose blocks are cached; holes do not count.
    package private(set) var bytesHere: UInt64 = 0
    /// Bytes of the image in blocks that are no holes.
    package private(set) var bytesNeeded: UInt64 = 0
    /// Blocks that are cached or holes.
    package private(set) var blocksHere = 0

    /// Whether no block is missing.
    package var isWhole: Bool { blocksHere == blocks }

    private let blocks: Int

    /// Looks every block up in the cache's folder. Blocks on the local disk.
    package init(index: ImageIndex, cache: BlockCache) {
        blocks = index.count
        // An index that can no longer be read leaves blocks uncounted, and the share is not whole.
        try? index.forEachBlock { block in
            if block.isHole {
                blocksHere += 1
                return
            }
            bytesNeeded += UInt64(block.length)
            if cache.contains(block.id) {
                bytesHere += UInt64(block.length)
                blocksHere += 1
            }
        }
    }
}
