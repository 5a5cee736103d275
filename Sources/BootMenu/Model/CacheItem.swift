import Boot

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
