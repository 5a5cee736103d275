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
