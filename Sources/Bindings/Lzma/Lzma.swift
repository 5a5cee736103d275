import CLzma
import Glibc

/// LZMA_VLI_UNKNOWN, a macro.
private let unknown = UInt64.max

/// What liblzma said about bytes of an xz file.
package enum LzmaError: Error, Sendable, Equatable {
    /// It is not what it should be, is damaged, or its check does not match.
    case malformed
    /// It uses something that the library cannot do.
    case unsupported
    /// It would need more memory than it may have.
    case tooLarge
    case outOfMemory

    init(_ code: lzma_ret) {
        self =
            switch code {
            case LZMA_MEM_ERROR: .outOfMemory
            case LZMA_MEMLIMIT_ERROR: .tooLarge
            case LZMA_OPTIONS_ERROR, LZMA_UNSUPPORTED_CHECK: .unsupported
            default: .malformed
            }
    }
}

extension LzmaError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed: "it is not xz, or damaged"
        case .unsupported: "it uses something that this version of liblzma does not know"
        case .tooLarge: "it would need too much memory"
        case .outOfMemory: "there is not enough memory for it"
        }
    }
}

/// The first or last 12 bytes of a stream in an xz file (the xz file format, 2.1).
package struct XZStreamEnd: Sendable {
    /// Bytes of a stream's header, and of its footer.
    package static let length = Int(LZMA_STREAM_HEADER_SIZE)

    /// What a block ends with: the library's number.
    fileprivate let check: lzma_check
    /// Bytes of the index, which lies directly before the footer; nothing in a header.
    package let indexLength: UInt64

    /// - Parameter bytes: at least ``length`` bytes.
    /// - Throws: ``LzmaError``.
    package init(header bytes: UnsafeRawBufferPointer) throws(LzmaError) {
        try self.init(bytes, lzma_stream_header_decode)
    }

    /// - Parameter bytes: at least ``length`` bytes.
    /// - Throws: ``LzmaError``.
    package init(footer bytes: UnsafeRawBufferPointer) throws(LzmaError) {
        try self.init(bytes, lzma_stream_footer_decode)
    }

    private init(
        _ bytes: UnsafeRawBufferPointer,
        _ decode: (UnsafeMutablePointer<lzma_stream_flags>?, UnsafePointer<UInt8>?) -> lzma_ret
    ) throws(LzmaError) {
        guard bytes.count >= XZStreamEnd.length else { throw .malformed }
        var flags = lzma_stream_flags()
        let code = decode(&flags, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        guard code == LZMA_OK else { throw LzmaError(code) }
        guard lzma_check_is_supported(flags.check) != 0 else { throw .unsupported }
        check = flags.check
        indexLength = flags.backward_size == unknown ? 0 : flags.backward_size
    }

    /// Whether a header and a footer may be one stream's.
    package func matches(_ other: XZStreamEnd) -> Bool { check == other.check }
}

/// A block of an xz file.
package struct XZBlock: Sendable, Equatable {
    /// Where it begins in its stream.
    package let offset: UInt64
    /// Its bytes there.
    package let storedLength: UInt64
    /// Those without the padding before its check.
    fileprivate let unpaddedLength: UInt64
    /// Where its content begins in the stream's content.
    package let contentOffset: UInt64
    /// Bytes of its content; may be 0.
    package let contentLength: UInt64

    /// The blocks of a stream.
    /// - Parameters:
    ///   - index: all of its bytes.
    ///   - memory: what reading it may need, in bytes; it bounds the number of blocks.
    /// - Returns: with the blocks, the bytes of the whole stream.
    /// - Throws: ``LzmaError``.
    package static func all(
        index bytes: UnsafeRawBufferPointer, memory: UInt64
    ) throws(LzmaError) -> (blocks: [XZBlock], streamLength: UInt64) {
        var index: OpaquePointer?
        var limit = memory
        var used = 0
        let code = lzma_index_buffer_decode(
            &index, &limit, nil, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), &used, bytes.count)
        guard code == LZMA_OK, let index else { throw LzmaError(code) }
        defer { lzma_index_end(index, nil) }
        guard used == bytes.count else { throw .malformed }
        var blocks: [XZBlock] = []
        blocks.reserveCapacity(Int(lzma_index_block_count(index)))
        var iterator = lzma_index_iter()
        lzma_index_iter_init(&iterator, index)
        while lzma_index_iter_next(&iterator, LZMA_INDEX_ITER_BLOCK) == 0 {
            let block = iterator.block
            blocks.append(
                XZBlock(
                    offset: block.compressed_stream_offset, storedLength: block.total_size,
                    unpaddedLength: block.unpadded_size, contentOffset: block.uncompressed_stream_offset,
                    contentLength: block.uncompressed_size))
        }
        return (blocks, lzma_index_stream_size(index))
    }

    /// Decompresses the block and compares its check.
    /// - Parameters:
    ///   - stored: its ``storedLength`` bytes, at least.
    ///   - output: ``contentLength`` bytes.
    ///   - stream: of its stream.
    ///   - memory: what the library may need beside the output, in bytes.
    /// - Throws: ``LzmaError``.
    package func decompress(
        _ stored: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, of stream: XZStreamEnd,
        memory: UInt64
    ) throws(LzmaError) {
        guard let input = stored.baseAddress?.assumingMemoryBound(to: UInt8.self), stored.count >= Int(storedLength),
            output.count == Int(contentLength), input[0] != 0
        else { throw .malformed }
        let filters = UnsafeMutablePointer<lzma_filter>.allocate(capacity: Int(LZMA_FILTERS_MAX) + 1)
        filters.initialize(repeating: lzma_filter(), count: Int(LZMA_FILTERS_MAX) + 1)
        defer { filters.deallocate() }
        var block = lzma_block()
        block.version = 1
        block.check = stream.check
        block.filters = filters
        block.header_size = (UInt32(input[0]) + 1) * 4
        guard Int(block.header_size) <= Int(storedLength) else { throw .malformed }
        var code = lzma_block_header_decode(&block, nil, input)
        guard code == LZMA_OK else { throw LzmaError(code) }
        defer { XZBlock.each(filters) { free($0.options) } }
        // A dictionary larger than the content is of no use: some announce 64 MiB for blocks of 16.
        XZBlock.each(filters) { filter in
            guard filter.id == XZBlock.lzma2, let options = filter.options else { return }
            let lzma = options.assumingMemoryBound(to: lzma_options_lzma.self)
            lzma.pointee.dict_size = min(lzma.pointee.dict_size, UInt32(clamping: max(contentLength, 4096)))
        }
        let needed = lzma_raw_decoder_memusage(filters)
        guard needed != UInt64.max else { throw .unsupported }
        guard needed <= memory else { throw .tooLarge }
        code = lzma_block_compressed_size(&block, unpaddedLength)
        guard code == LZMA_OK else { throw LzmaError(code) }
        guard block.uncompressed_size == unknown || block.uncompressed_size == contentLength else {
            throw .malformed
        }
        block.uncompressed_size = contentLength
        var read = Int(block.header_size)
        var written = 0
        code = lzma_block_buffer_decode(
            &block, nil, input, &read, stored.count, output.baseAddress?.assumingMemoryBound(to: UInt8.self), &written,
            output.count)
        guard code == LZMA_OK else { throw LzmaError(code) }
        guard written == output.count else { throw .malformed }
    }

    /// LZMA_FILTER_LZMA2, a macro.
    private static let lzma2: lzma_vli = 0x21

    /// The filters up to the one that marks the end.
    private static func each(_ filters: UnsafeMutablePointer<lzma_filter>, _ body: (lzma_filter) -> Void) {
        for position in 0..<Int(LZMA_FILTERS_MAX) {
            if filters[position].id == unknown { return }
            body(filters[position])
        }
    }
}
