import ContentAddress

/// One block in a cache's folder.
struct CachedBlock {
    let id: BlockID
    /// Bytes.
    let size: Int
    /// First use in the last session that used it, nanoseconds since 1970.
    let lastUse: Int64
}
