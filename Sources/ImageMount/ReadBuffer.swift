/// The bytes that one read gives. Immutable once a reader has handed it out.
// @unchecked: only the reader writes, each part by one thread, and all of it before the completion sees the object.
package final class ReadBuffer: @unchecked Sendable {
    private let buffer: UnsafeMutableRawBufferPointer

    init(count: Int) {
        // malloc's own alignment: it reuses large pieces, where aligned ones would be mapped and faulted in each time.
        buffer = .allocate(byteCount: count, alignment: 16)
    }

    deinit { buffer.deallocate() }

    /// Bytes; less than was asked for only at the image's end.
    package var count: Int { buffer.count }

    /// Gives the bytes for the duration of the call.
    package func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(buffer))
    }

    /// A part to be written, valid while this object lives.
    func part(_ range: Range<Int>) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: buffer[range])
    }
}
