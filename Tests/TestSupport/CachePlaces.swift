import ContentAddress

extension BlockID {
    /// Where a cache keeps the block, below its `v1`.
    package var cachePath: String { "\(hex.prefix(2))/\(hex)" }

    /// Where caches of earlier versions kept it.
    package var oldCachePath: String { "\(hex.prefix(4))/\(hex)" }
}
