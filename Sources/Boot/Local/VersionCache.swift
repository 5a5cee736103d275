import BlockStore
import Catalog
import ContentAddress
import ImageIndex
import Linux

/// What a user does with the cached blocks of one version. All calls wait for the disk.
package struct VersionCache: Sendable {
    private let library: SystemsLibrary
    private let cache: BlockCache

    package init(library: SystemsLibrary, cache: BlockCache) {
        self.library = library
        self.cache = cache
    }

    /// Protects a version's blocks from eviction, whether they are stored yet or not.
    /// - Parameter indexPath: its index.
    /// - Throws: ``ImageIndexError``, ``SystemCallError``.
    package func pin(_ key: VersionKey, indexPath: String) throws {
        try VersionCache.pin(key, indexPath: indexPath, in: cache)
    }

    static func pin(_ key: VersionKey, indexPath: String, in cache: BlockCache) throws {
        try cache.pin(key.description, ids(of: ImageIndex(path: indexPath)))
    }

    /// - Returns: false if it was not pinned.
    /// - Throws: ``SystemCallError``.
    @discardableResult
    package func unpin(_ key: VersionKey) throws -> Bool { try cache.unpin(key.description) }

    /// Removes the blocks that no other version on this machine shares, and what its boot packs consist of. Pinned blocks and those of running sessions stay.
    /// - Parameter all: what is known of all followed catalogs.
    /// - Returns: bytes freed.
    /// - Throws: ``ImageIndexError``, ``SystemCallError``.
    package func remove(_ key: VersionKey, among all: SystemsOverview) throws -> Int {
        var own: Set<BlockID> = []
        var shared: Set<BlockID> = []
        for system in all.systems {
            for summary in system.versions {
                for path in library.indexPaths(system.source, system.distribution, summary.version)
                where try Paths.isThere(path) {
                    if summary.key == key {
                        own.formUnion(try VersionCache.ids(of: ImageIndex(path: path)))
                        own.formUnion(
                            library.catalogs.packLists(system.source, system.distribution, summary.version).pieces)
                        continue
                    }
                    do {
                        shared.formUnion(try VersionCache.ids(of: ImageIndex(path: path)))
                    } catch let error as ImageIndexError {
                        // The blocks of an index that cannot be read might be shared, so nothing is removed. A damaged one does
                        // not count: nothing boots from it.
                        if case .file = error { throw error }
                    }
                }
            }
        }
        return try cache.remove(own.subtracting(shared))
    }

    private static func ids(of index: ImageIndex) throws -> Set<BlockID> {
        var ids: Set<BlockID> = []
        try index.forEachBlock { if !$0.isHole { ids.insert($0.id) } }
        return ids
    }
}
