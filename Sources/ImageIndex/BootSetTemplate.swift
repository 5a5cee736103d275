import ContentAddress

/// What recorded starts of one image read, from which it is told what starts of another image of the same system probably read.
///
/// A block that the other image has as well, wherever it lies there, stands for itself. In the place of one that it does not have stand its
/// blocks at the same offsets: what was updated in place lies where it lay. Where hardly any of the blocks are there, nothing lies where it
/// lay. So it is a guess, and good for what may be wrong: for what is fetched ahead, for a price, and for how hard a block is compressed.
package struct BootSetTemplate: Sendable {
    /// By first touch.
    private let blocks: [IndexedBlock]
    /// The part of the blocks that another image must have for the offsets to say anything: one in so many.
    private static let leastShared = 4

    /// - Parameters:
    ///   - bootSet: what was recorded.
    ///   - index: of the image that it was recorded of.
    /// - Throws: ``ImageIndexError``.
    package init(_ bootSet: BootSet, of index: ImageIndex) throws {
        blocks = try bootSet.blocks(of: index)
    }

    /// The boot set of another image, without holes: empty where the two have too little in common.
    /// - Throws: ``ImageIndexError``.
    package func bootSet(of other: ImageIndex) throws -> BootSet {
        let wanted = Set(blocks.map(\.id))
        var shared: Set<BlockID> = []
        try other.forEachBlock { if wanted.contains($0.id) { shared.insert($0.id) } }
        var ids: [BlockID] = []
        for block in blocks where shared.count * BootSetTemplate.leastShared >= wanted.count {
            if shared.contains(block.id) {
                ids.append(block.id)
                continue
            }
            var offset = block.offset
            while offset < min(block.end, other.imageSize), ids.count < BootSet.longest {
                let found = try other.block(containing: offset)
                if !found.isHole { ids.append(found.id) }
                offset = found.end
            }
        }
        return BootSet(ids)
    }

    /// The numbers of the blocks at the same offsets in an image of equal blocks.
    /// - Parameter blockSize: bytes of one.
    package func positions(blockSize: Int) -> Set<Int> {
        var positions: Set<Int> = []
        for block in blocks where positions.count < BootSet.longest {
            let size = UInt64(blockSize)
            positions.formUnion(Int(block.offset / size)...Int((block.end - 1) / size))
        }
        return positions
    }
}
