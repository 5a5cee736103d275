import CLzma

/// An xz file that is decompressed from its beginning to its end, of one stream or several. One thread at a time may use it.
///
/// The library compares each block's check, and the index with what came before it.
package final class XZStream {
    // In memory of its own: the library remembers where it lies.
    private let stream = UnsafeMutablePointer<lzma_stream>.allocate(capacity: 1)
    /// LZMA_CONCATENATED, a macro: what follows a stream is another one, or zeros.
    private static let concatenated: UInt32 = 0x08
    /// Whether the file has ended.
    package private(set) var isAtEnd = false

    /// - Parameter memory: what decompressing may need, in bytes: the dictionary above all.
    /// - Throws: ``LzmaError``.
    package init(memory: UInt64) throws(LzmaError) {
        stream.initialize(to: lzma_stream())
        let code = lzma_stream_decoder(stream, memory, XZStream.concatenated)
        // The deinit runs: all members are set. Ending what was not begun is harmless.
        guard code == LZMA_OK else { throw LzmaError(code) }
    }

    deinit {
        lzma_end(stream)
        stream.deallocate()
    }

    /// Decompresses the next bytes of the file, as far as there is room.
    /// - Parameter isLast: whether nothing of the file follows these.
    /// - Returns: how many bytes of both were used.
    /// - Throws: ``LzmaError``.
    package func take(
        _ input: UnsafeRawBufferPointer, isLast: Bool, into output: UnsafeMutableRawBufferPointer
    ) throws(LzmaError) -> (used: Int, written: Int) {
        guard !isAtEnd else {
            guard input.isEmpty else { throw .malformed }
            return (0, 0)
        }
        stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_in = input.count
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = output.count
        let code = lzma_code(stream, isLast ? LZMA_FINISH : LZMA_RUN)
        switch code {
        case LZMA_STREAM_END: isAtEnd = true
        // Nothing can be done without more of one of them; the caller sees which.
        case LZMA_OK, LZMA_BUF_ERROR: break
        default: throw LzmaError(code)
        }
        return (input.count - stream.pointee.avail_in, output.count - stream.pointee.avail_out)
    }
}
