import CZstd

/// What zstd said about bytes it could not work on.
package enum ZstdError: Error, Sendable, Equatable {
    /// The bytes are no zstd frame, or a broken or truncated one. `reason` is the library's text.
    case malformed(reason: String)
    /// The frame holds more than `limit` bytes: a decompression bomb or the wrong block.
    case tooLarge(limit: Int)
    /// The library could not compress; `reason` is its text.
    case compression(reason: String)
}

/// A reusable decompression context. One thread at a time may use it.
package final class ZstdDecompressor {
    private let context: OpaquePointer

    /// - Throws: ``ZstdError/malformed(reason:)`` when there is no memory for a context.
    package init() throws(ZstdError) {
        guard let context = ZSTD_createDCtx() else { throw .malformed(reason: "no memory for a context") }
        self.context = context
    }

    deinit { ZSTD_freeDCtx(context) }

    /// Decompresses one whole frame.
    ///
    /// Output never goes past `output`, so a bomb costs no memory.
    /// - Returns: bytes written to `output`.
    /// - Throws: ``ZstdError``.
    package func decompress(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(ZstdError) -> Int {
        let result = ZSTD_decompressDCtx(context, output.baseAddress, output.count, input.baseAddress, input.count)
        guard ZSTD_isError(result) == 0 else {
            if ZSTD_getErrorCode(result) == ZSTD_error_dstSize_tooSmall { throw .tooLarge(limit: output.count) }
            throw .malformed(reason: String(cString: ZSTD_getErrorName(result)))
        }
        return result
    }

    /// Decompresses the frame that the input begins with; whatever follows it is not looked at.
    /// - Returns: as of ``decompress(_:into:)``.
    /// - Throws: ``ZstdError``.
    package func decompress(
        firstFrameOf input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(ZstdError) -> Int {
        let length = ZSTD_findFrameCompressedSize(input.baseAddress, input.count)
        guard ZSTD_isError(length) == 0, length <= input.count else {
            throw .malformed(reason: "it is not a whole zstd frame")
        }
        return try decompress(UnsafeRawBufferPointer(rebasing: input[..<length]), into: output)
    }
}

/// A reusable compression context. One thread at a time may use it.
package final class ZstdCompressor {
    private let context: OpaquePointer
    private let level: Int32

    /// zstd's own bounds for ``init(level:)``.
    package static var levels: ClosedRange<Int> { Int(ZSTD_minCLevel())...Int(ZSTD_maxCLevel()) }

    /// - Parameter level: in ``levels``.
    /// - Throws: ``ZstdError/compression(reason:)`` when there is no memory for a context.
    package init(level: Int) throws(ZstdError) {
        guard let context = ZSTD_createCCtx() else { throw .compression(reason: "no memory for a context") }
        self.context = context
        self.level = Int32(level)
    }

    deinit { ZSTD_freeCCtx(context) }

    /// The most bytes that compressing `count` bytes can give.
    package static func bound(_ count: Int) -> Int { ZSTD_compressBound(count) }

    /// Compresses into one frame that carries its content's size.
    /// - Parameter output: at least ``bound(_:)`` bytes.
    /// - Returns: bytes written to `output`.
    /// - Throws: ``ZstdError/compression(reason:)``.
    package func compress(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(ZstdError) -> Int {
        let result = ZSTD_compressCCtx(
            context, output.baseAddress, output.count, input.baseAddress, input.count, level)
        guard ZSTD_isError(result) == 0 else {
            throw .compression(reason: String(cString: ZSTD_getErrorName(result)))
        }
        return result
    }
}

extension ZstdError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed(let reason), .compression(let reason): reason
        case .tooLarge(let limit): "it unpacks to more than \(limit) bytes"
        }
    }
}
