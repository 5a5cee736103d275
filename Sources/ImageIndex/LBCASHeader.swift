import Linux

/// The first line of an LBCAS index: `lbcas 1 sha1 zlib BLOCKSIZE IMAGESIZE`. Then one SHA-1 a line, as 40 digits, in the order of the
/// blocks. Our own form: none of 2009 survives.
package struct LBCASHeader: Sendable, Equatable {
    /// Bytes of every block but the last: a multiple of 512.
    package let blockSize: Int
    package let imageSize: UInt64
    /// Bytes of the line.
    let length: Int

    static let rowSize = 41
    private static let start = "lbcas "
    private static let longest = 80

    /// - Precondition: `imageSize` is more than 0, the block size positive.
    package init(blockSize: Int, imageSize: UInt64) {
        self.blockSize = blockSize
        self.imageSize = imageSize
        length = LBCASHeader.line(blockSize, imageSize).utf8.count
    }

    /// Reads an index file's first line; nil when it is not an LBCAS index at all.
    /// - Throws: ``ImageIndexError``, ``SystemCallError``.
    init?(file: FileHandle, fileSize: UInt64) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: LBCASHeader.longest, alignment: 1)
        defer { buffer.deallocate() }
        let head = buffer[..<(try file.read(into: buffer, at: 0))]
        guard head.starts(with: LBCASHeader.start.utf8) else { return nil }
        let line = String(decoding: head.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 6, words[1...3] == ["1", "sha1", "zlib"], let blockSize = Int(words[4]),
            let imageSize = UInt64(words[5]), LBCASHeader.line(blockSize, imageSize) == line + "\n"
        else {
            throw ImageIndexError.malformed(reason: "its first line is not 'lbcas 1 sha1 zlib BLOCKSIZE IMAGESIZE'")
        }
        guard blockSize >= 512, blockSize.isMultiple(of: 512), blockSize <= BlockSize.longestReadable else {
            throw ImageIndexError.malformed(reason: "blocks of \(blockSize) bytes")
        }
        guard imageSize > 0 else { throw ImageIndexError.empty }
        guard imageSize <= UInt64(Int64.max) else {
            throw ImageIndexError.malformed(reason: "the image has \(imageSize) bytes")
        }
        self.init(blockSize: blockSize, imageSize: imageSize)
        // At most 2^54 rows: no overflow.
        let expected = UInt64(length + count * LBCASHeader.rowSize)
        guard fileSize == expected else { throw ImageIndexError.truncated(expected: expected, actual: fileSize) }
    }

    /// Number of blocks.
    package var count: Int { Int((imageSize - 1) / UInt64(blockSize)) + 1 }

    /// Where a block ends in the image.
    func end(of position: Int) -> UInt64 {
        let end = UInt64(position + 1).multipliedReportingOverflow(by: UInt64(blockSize))
        return end.overflow ? imageSize : min(end.partialValue, imageSize)
    }

    private static func line(_ blockSize: Int, _ imageSize: UInt64) -> String {
        "\(start)1 sha1 zlib \(blockSize) \(imageSize)\n"
    }

    /// The header's text, with its end of line.
    var text: String { LBCASHeader.line(blockSize, imageSize) }
}
