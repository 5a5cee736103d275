import BlockStore
import ContentAddress
import ImageIndex

/// Which blocks are in the cache, by what the cache's records say of the folders that have not changed since, and by a look at each other block.
/// Each is looked up once, for versions of one distribution share most of theirs.
///
/// For use on one thread and for a short time: blocks come and go.
final class BlockPresence {
    private let cache: BlockCache
    private let leastLooks: Int
    private var known: [BlockID: Bool] = [:]
    /// When folders of blocks changed last, as it was before any of their blocks was looked up. Nil for one of which that cannot be said.
    private var times: [UInt8: Int64?] = [:]

    /// - Parameter leastLooks: blocks that had to be looked up, so that a record is worth its file.
    init(cache: BlockCache, leastLooks: Int = 64) {
        self.cache = cache
        self.leastLooks = leastLooks
    }

    /// Calls `body` for each block of an image that is no hole, in order, and keeps a record of what had to be looked up.
    /// - Throws: ``ImageIndexError`` when the index can no longer be read; whatever `body` throws.
    func forEachBlock(of index: ImageIndex, _ body: (IndexedBlock, _ isHere: Bool) throws -> Void) throws {
        guard cache.isThere else { return try index.forEachBlock { if !$0.isHole { try body($0, false) } } }
        let before = cache.presence(of: index.stamp, count: index.count)
        var record = PresenceRecord(of: index.stamp, count: index.count)
        var looks = 0
        try index.forEachBlock { block in
            guard !block.isHole else { return }
            let place = BlockCache.place(of: block.id)
            let time = lastChange(ofPlace: place)
            let isHere: Bool
            if let before, let time, before.times[place] == time {
                isHere = before.contains(block.position)
            } else if time == 0 {
                isHere = false
            } else {
                isHere = contains(block.id)
                if time != nil { looks += 1 }
            }
            if let time { record.times[place] = time }
            if isHere { record.insert(block.position) }
            try body(block, isHere)
        }
        if looks >= leastLooks { cache.keep(record) }
    }

    /// Whether all blocks of an image are there; one that cannot be read is not.
    func isWhole(_ index: ImageIndex) -> Bool {
        var isWhole = true
        do { try forEachBlock(of: index) { if !$1 { isWhole = false } } } catch { return false }
        return isWhole
    }

    func contains(_ id: BlockID) -> Bool {
        if let isHere = known[id] { return isHere }
        let isHere = cache.contains(id)
        known[id] = isHere
        return isHere
    }

    private func lastChange(ofPlace place: UInt8) -> Int64? {
        if let time = times[place] { return time }
        let time = cache.lastChange(ofPlace: place)
        times[place] = .some(time)
        return time
    }
}
