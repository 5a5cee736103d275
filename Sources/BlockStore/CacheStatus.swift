/// What lies in a cache, by a walk through its folder.
package struct CacheStatus: Sendable, Equatable {
    package let directory: String
    /// Bytes it may keep now.
    package let limit: Int
    /// Bytes it keeps.
    package let used: Int
    /// Number of blocks.
    package let blocks: Int
    /// Number of those that a pin keeps.
    package let pinned: Int
    /// Damaged blocks found and dropped since the cache was made.
    package let repaired: Int
}
