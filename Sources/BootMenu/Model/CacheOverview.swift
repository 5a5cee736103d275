import BlockStore
import Boot
import Catalog
import ContentAddress
import ImageIndex

/// How full the cache is, and of what. Bytes.
package struct CacheOverview: Sendable {
    package var directory: String
    package var limit: UInt64
    package var used: UInt64
    package var blocks: Int
    /// Damaged blocks that were removed and fetched again.
    package var repaired: Int
    package var items: [CacheItem]

    package init(directory: String, limit: UInt64, used: UInt64, blocks: Int, repaired: Int, items: [CacheItem]) {
        self.directory = directory
        self.limit = limit
        self.used = used
        self.blocks = blocks
        self.repaired = repaired
        self.items = items
    }
}

/// One version's share of the cache.
package struct CacheItem: Sendable {
    package var version: VersionSummary
    /// Bytes that no other version shares: what removing it would free; nil where not known.
    package var own: UInt64?

    package init(_ version: VersionSummary, own: UInt64? = nil) {
        self.version = version
        self.own = own
    }

    package var image: VersionKey { version.key }
}

extension CacheItem {
    /// What each version has in the cache, and what of it no other shares; the largest share first. Waits for the disk.
    static func all(of overview: SystemsOverview, library: CatalogLibrary, cache: BlockCache) -> [CacheItem] {
        /// Versions with anything here.
        let held = overview.systems.flatMap { system in
            system.versions.filter { $0.here > 0 || $0.isPinned }.map { (system, $0) }
        }
        /// How many versions have a block, and how long it is.
        var uses: [BlockID: (count: Int, length: Int)] = [:]
        let ids = held.map { system, version -> Set<BlockID> in
            var ids: Set<BlockID> = []
            let path = library.indexPath(system.source, system.distribution, version.version)
            // One whose index is missing or cannot be read shares nothing that is known; its row is shown all the same.
            try? ImageIndex(path: path).forEachBlock { block in
                guard !block.isHole, ids.insert(block.id).inserted else { return }
                uses[block.id, default: (0, block.length)].count += 1
            }
            return ids
        }
        let items = zip(held, ids).map { held, ids in
            let own = ids.reduce(UInt64(0)) { sum, id in
                guard let use = uses[id], use.count == 1, cache.contains(id) else { return sum }
                return sum + UInt64(use.length)
            }
            return CacheItem(held.1, own: own)
        }
        return items.sorted { ($0.version.here, $0.image.description) > ($1.version.here, $1.image.description) }
    }
}
