extension ImageIndex {
    /// Whether a page lies in one block whole, and another image has the same block at the same place.
    /// - Throws: ``ImageIndexError``.
    package func hasUnchanged(page: Int, since other: ImageIndex) throws(ImageIndexError) -> Bool {
        let (start, length) = (UInt64(page) * UInt64(PageRun.pageSize), UInt64(PageRun.pageSize))
        guard start < imageSize, start < other.imageSize else { return false }
        let block = try block(containing: start)
        let before = try other.block(containing: start)
        return block.id == before.id && block.offset == before.offset && block.length == before.length
            && min(start + length, imageSize) <= block.end
    }
}
