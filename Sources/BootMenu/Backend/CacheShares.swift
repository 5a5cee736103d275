import BlockStore
import Boot
import Catalog
import ContentAddress
import ImageIndex

/// What each version has in the cache, and what of it is shared by no other. Blocks on the local disk.
struct CacheShares {
    /// The largest share first.
    let items: [CacheItem]

    init(_ overview: SystemsOverview, library: CatalogLibrary, cache: BlockCache) {
        /// Versions with anything here.
        let held = overview.systems.flatMap { system in
            system.versions.filter { $0.here > 0 || $0.isPinned }.map { (system, $0) }
        }
        /// How many versions have a block, and how long it is.
        var uses: [BlockID: (count: Int, length: Int)] = [:]
        let ids = held.map { system, summary -> Set<BlockID> in
            var ids: Set<BlockID> = []
            let path = library.indexPath(system.source, system.distribution, summary.version)
            try? ImageIndex(path: path).forEachBlock { block in
                guard !block.isHole, ids.insert(block.id).inserted else { return }
                uses[block.id, default: (0, block.length)].count += 1
            }
            return ids
        }
        items = zip(held, ids).map { held, ids in
            let summary = held.1
            let own = ids.reduce(UInt64(0)) { sum, id in
                guard let use = uses[id], use.count == 1, cache.contains(id) else { return sum }
                return sum + UInt64(use.length)
            }
            return CacheItem(summary, own: own)
        }.sorted { ($0.version.here, $0.image.description) > ($1.version.here, $1.image.description) }
    }
}
