import BlockStore
import ContentAddress

/// Which blocks are in the cache, asked once for each: versions of one distribution share most of theirs.
///
/// For one thread, and for the moment: blocks come and go.
final class BlockPresence {
    private let cache: BlockCache
    private var known: [BlockID: Bool] = [:]

    init(cache: BlockCache) { self.cache = cache }

    func contains(_ id: BlockID) -> Bool {
        if let isHere = known[id] { return isHere }
        let isHere = cache.contains(id)
        known[id] = isHere
        return isHere
    }
}
