/// One version's share of the cache.
package struct CacheItem: Sendable, Hashable {
    package var image: ImageName
    /// Bytes of the image that are here.
    package var here: UInt64
    /// Bytes that no other version shares: what removing it would free; nil where not known.
    package var own: UInt64?
    package var size: UInt64
    package var offline: OfflineState
    package var isPinned: Bool

    package init(
        image: ImageName, here: UInt64, own: UInt64? = nil, size: UInt64, offline: OfflineState = .no,
        isPinned: Bool = false
    ) {
        self.image = image
        self.here = here
        self.own = own
        self.size = size
        self.offline = offline
        self.isPinned = isPinned
    }
}
