/// The uncompressed bytes of one block. Immutable once made, so any thread may read it.
// @unchecked: the buffer is written only inside init, before anybody else has the object.
package final class BlockBytes: @unchecked Sendable {
    private let buffer: UnsafeMutableRawBufferPointer
    /// Bytes that came over the wire, or from the store's file, for this block; 0 when it came from a cache.
    package let transferred: Int
    /// Seconds between the request and the first byte of its answer; nil where nobody measured.
    package let wait: Double?

    /// Allocates `length` bytes and lets `fill` write all of them.
    /// - Throws: what `fill` throws.
    package init<Failure: Error>(
        length: Int, transferred: Int = 0, wait: Double? = nil,
        fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        buffer = .allocate(byteCount: length, alignment: 4096)
        self.transferred = transferred
        self.wait = wait
        // The deinit of a class whose init throws after all members are set does run: it frees the buffer.
        try fill(buffer)
    }

    deinit { buffer.deallocate() }

    /// Bytes of the block.
    package var count: Int { buffer.count }

    /// Gives the bytes for the duration of the call.
    package func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(buffer))
    }
}
