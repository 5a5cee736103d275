import ContentAddress

/// What came of publishing one image.
package struct PublishedImage: Sendable, Equatable {
    /// Bytes of the image.
    package var size: UInt64
    package var blockSize: Int
    /// Blocks of the image, and how many different ones.
    package var blocks: Int
    package var distinctBlocks: Int
    /// Blocks of zeros, and how many of those were not even read.
    package var zeroBlocks: Int
    package var unreadBlocks: Int
    /// Blocks that the store lacked, and their bytes there.
    package var newBlocks: Int
    package var newBytes: UInt64
    /// Bytes of the distinct blocks in the store, new or not.
    package var storedBytes: UInt64
    /// The SHA-256 of the whole image where it was asked for.
    package var digest: FileDigest?
    package var nanoseconds: UInt64
}
