import Catalog
import ContentAddress
import ImageIndex

extension PublishedTree {
    /// Counts blocks and bytes of every version. A block whose file lacks counts 0 bytes.
    /// - Throws: ``PublisherError`` when the catalog or an index cannot be read.
    package func statistics() throws(PublisherError) -> TreeStatistics {
        let store = BlockStoreFolder(path: blocks)
        var sizes: [BlockID: UInt64] = [:]
        var distributions: [TreeStatistics.Distribution] = []
        let contents = try contents()
        for distribution in try contents.catalog().distributions {
            var versions: [TreeStatistics.Version] = []
            var previous: Set<BlockID> = []
            // Oldest first, so that each is compared with the one before it.
            for version in distribution.versions.reversed() {
                var (distinct, zero, stored, newBlocks, newStored) = (Set<BlockID>(), 0, UInt64(0), 0, UInt64(0))
                let index: ImageIndex
                do {
                    index = try ImageIndex(path: contents.path(of: version.index) ?? "\(path)/targets/\(version.index)")
                    try index.forEachBlock { block in
                        if block.isHole { zero += 1 }
                        guard distinct.insert(block.id).inserted else { return }
                        let size = sizes[block.id] ?? store.storedSize(of: block.id, length: block.length) ?? 0
                        sizes[block.id] = size
                        stored += size
                        if !previous.contains(block.id) {
                            newBlocks += 1
                            newStored += size
                        }
                    }
                } catch let error as ImageIndexError {
                    throw .index(path: version.index, error)
                } catch {
                    throw .index(path: version.index, .malformed(reason: "\(error)"))
                }
                versions.append(
                    TreeStatistics.Version(
                        id: version.id.text, size: index.imageSize, blocks: index.count, distinct: distinct.count,
                        zero: zero, stored: stored, newBlocks: newBlocks, newStored: newStored))
                previous = distinct
            }
            distributions.append(TreeStatistics.Distribution(id: distribution.id, versions: versions.reversed()))
        }
        return TreeStatistics(
            distributions: distributions, blocks: sizes.count, stored: sizes.values.reduce(0, +))
    }
}
