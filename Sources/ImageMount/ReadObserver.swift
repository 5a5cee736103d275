import ImageIndex

/// Hears what the readers of an image do. Called from many threads; return quickly, and do not read the image from here.
package protocol ReadObserver: Sendable {
    /// A block that is no hole was read for the first time. In order, one call at a time: this is the boot set.
    func firstTouch(_ block: IndexedBlock)
    /// A read touched the block at this position; for the block map.
    func read(_ position: Int)
    /// Reads ended with an error because these blocks did not come, before the error is sent. The reader goes on asking for
    /// them (``ReadOptions/keepsFetching``), and until they come further reads of them end at once.
    func readStalled(blocks: [IndexedBlock])
    /// A block that stalled reads is in the store.
    func blockArrived(_ block: IndexedBlock)
    /// All blocks that stalled reads are in the store: a paused guest may go on. It may come before the guest has paused;
    /// whoever sees the pause later looks at ``ImageReader/stalledBlocks``.
    func stallEnded()
}

extension ReadObserver {
    package func firstTouch(_ block: IndexedBlock) {}
    package func read(_ position: Int) {}
    package func readStalled(blocks: [IndexedBlock]) {}
    package func blockArrived(_ block: IndexedBlock) {}
    package func stallEnded() {}
}
