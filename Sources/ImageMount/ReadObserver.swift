import ImageIndex

/// Hears what the readers of an image do. Called from many threads; it must return quickly, and not read the image.
package protocol ReadObserver: Sendable {
    /// Bytes of the image are asked for; never none. Before anything else is said about the read, and on many threads at once.
    func read(_ bytes: Range<UInt64>)
    /// A block that is not a hole was read for the first time. In order, one call at a time: this is the boot set.
    func firstTouch(_ block: IndexedBlock)
    /// A block that a read waits for is being asked for, now or again.
    func fetchBegan(_ block: IndexedBlock)
    /// A block that a read waited for is in the store.
    func fetched(_ block: IndexedBlock)
    /// A block did not come; it may be asked for again.
    func fetchFailed(_ block: IndexedBlock)
    /// A read waits for a piece of the boot pack, which is being asked for.
    func pieceWanted()
    /// A block has come, and bytes of it that were given from the boot pack are others there. Once, and nothing more is taken from the pack.
    func packDiffers(from block: IndexedBlock)
    /// Reads ended with an error because these blocks did not come, before the error is sent. The reader goes on asking for
    /// them (``ReadOptions/keepsFetching``), and until they come further reads of them end at once. Among them may be pieces of the boot
    /// pack, whose positions lie after the image's last.
    func readStalled(blocks: [IndexedBlock])
    /// A block that stalled reads is in the store.
    func blockArrived(_ block: IndexedBlock)
    /// All blocks that stalled reads are in the store: a paused guest may go on. It may come before the guest has paused;
    /// an observer that sees the pause later looks at ``ImageReader/stalledBlocks``.
    func stallEnded()
}

extension ReadObserver {
    package func read(_ bytes: Range<UInt64>) {}
    package func firstTouch(_ block: IndexedBlock) {}
    package func fetchBegan(_ block: IndexedBlock) {}
    package func fetched(_ block: IndexedBlock) {}
    package func fetchFailed(_ block: IndexedBlock) {}
    package func pieceWanted() {}
    package func packDiffers(from block: IndexedBlock) {}
    package func readStalled(blocks: [IndexedBlock]) {}
    package func blockArrived(_ block: IndexedBlock) {}
    package func stallEnded() {}
}

/// What a reader has done so far.
package struct ReaderStatistics: Sendable, Equatable {
    /// Reads that were asked for.
    package var reads = 0
    /// Bytes that were asked for, within the image.
    package var bytes: UInt64 = 0
    /// Reads that wait for a block now.
    package var waitingReads = 0
    /// Different blocks that were read, holes not counted.
    package var blocksTouched = 0
    /// Reads that ended with an error.
    package var failedReads = 0
    /// Blocks that stalled reads and are not in the store yet.
    package var stalledBlocks = 0

    package init() {}
}
