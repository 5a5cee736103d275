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
