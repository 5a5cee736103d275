import BlockStore
import Boot
import Catalog
import ContentAddress
import ImageIndex

/// How full the cache is, and with what. Sizes in bytes.
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
    /// Every version that has blocks in the cache, and how much of that no other version shares; the largest first. Waits for
    /// the disk.
    static func all(of overview: SystemsOverview, library: CatalogLibrary, cache: BlockCache) -> [CacheItem] {
        /// Versions with anything in the cache.
        let held = overview.systems.flatMap { system in
            system.versions.filter { $0.here > 0 || $0.isPinned }.map { (system, $0) }
        }
        /// For each block, how many versions have it, and its length.
        var uses: [BlockID: (count: Int, length: Int)] = [:]
        let ids = held.map { system, version -> Set<BlockID> in
            var ids: Set<BlockID> = []
            let path = library.indexPath(system.source, system.distribution, version.version)
            // A version whose index is missing or unreadable is listed all the same, with nothing of its own.
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
