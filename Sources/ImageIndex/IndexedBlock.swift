import ContentAddress

/// One block of an image: where it lies and what it is called.
package struct IndexedBlock: Sendable, Hashable {
    /// Its number, from 0.
    package let position: Int
    package let id: BlockID
    /// First byte within the image.
    package let offset: UInt64
    /// Bytes; more than 0 and at most ``BlockSize/longestReadable``.
    package let length: Int
    /// True when all its bytes are zero, so that it need not be fetched.
    package let isHole: Bool

    /// The byte after its last within the image.
    package var end: UInt64 { offset + UInt64(length) }
}
