import Linux

/// What lies in a cache's folder beside its blocks: it counts in the cache's limit, and goes before any block does.
package protocol CacheNeighbour: Sendable {
    /// Bytes that it takes on the disk. What cannot be looked at counts for nothing. Asked under the cache's lock, every few megabytes.
    func bytes() -> Int
    /// Removes what was used longest ago, until so many bytes are free or nothing is left that may go. Called under the cache's lock.
    /// - Returns: bytes freed.
    func makeRoom(_ bytes: Int) -> Int
}

/// How much room a cache has for blocks, with what lies beside them.
extension CacheBudget {
    /// Bytes that blocks may take now.
    /// - Parameter used: of blocks.
    func roomForBlocks(used: Int, space: FileSystemSpace) -> Int {
        let beside = besides
        return max(0, limit.bytes(used: used + beside, space: space) - beside)
    }

    /// The same, or what the file system has room for where that is less.
    func reachableForBlocks(used: Int, space: FileSystemSpace) -> Int {
        let beside = besides
        return max(0, limit.reachable(used: used + beside, space: space) - beside)
    }

    /// Bytes of what lies beside blocks.
    var besides: Int { neighbour?.bytes() ?? 0 }

    /// Removes what lies beside blocks, as far as there is any.
    /// - Returns: bytes freed.
    func makeRoomBeside(_ bytes: Int) -> Int { bytes > 0 ? neighbour?.makeRoom(bytes) ?? 0 : 0 }
}
