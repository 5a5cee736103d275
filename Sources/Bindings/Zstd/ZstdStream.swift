import CZstd

/// A zstd file that is decompressed from its beginning to its end, of one frame or several. One thread at a time may use it.
package final class ZstdStream {
    private let context: OpaquePointer
    /// Whether a frame has ended, and no other has begun.
    package private(set) var isBetween = false

    /// - Parameter windowBits: the longest window that decompressing may need, as a power of 2.
    /// - Throws: ``ZstdError/malformed(reason:)`` when there is no memory for a context.
    package init(windowBits: Int32) throws(ZstdError) {
        guard let context = ZSTD_createDCtx() else { throw .malformed(reason: "no memory for a context") }
        self.context = context
        let result = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, windowBits)
        guard ZSTD_isError(result) == 0 else {
            throw .malformed(reason: String(cString: ZSTD_getErrorName(result)))
        }
    }

    deinit { ZSTD_freeDCtx(context) }

    /// Decompresses the next bytes of the file, as far as there is room.
    /// - Returns: how many bytes of both were used.
    /// - Throws: ``ZstdError/malformed(reason:)``.
    package func take(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(ZstdError) -> (used: Int, written: Int) {
        if isBetween, input.isEmpty { return (0, 0) }
        var from = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var to = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let result = ZSTD_decompressStream(context, &to, &from)
        guard ZSTD_isError(result) == 0 else {
            throw .malformed(reason: String(cString: ZSTD_getErrorName(result)))
        }
        // 0 says that a frame has ended and that all of it was given out.
        isBetween = result == 0
        return (from.pos, to.pos)
    }
}
