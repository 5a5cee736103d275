import ContentAddress
import Linux

/// What header, table header and tail say, checked against the file's size.
struct IndexLayout {
    let algorithm: DigestAlgorithm
    let longestBlock: UInt64
    let count: Int
    /// How the rows are written.
    let rows: IndexRows

    init(file: FileHandle, fileSize: UInt64) throws {
        if let header = try LBCASHeader(file: file, fileSize: fileSize) {
            algorithm = .sha1
            longestBlock = UInt64(header.blockSize)
            count = header.count
            rows = .lbcas(header)
            return
        }
        rows = .casync
        let fixedPart = BlobIndexFormat.headerSize + BlobIndexFormat.tableHeaderSize + BlobIndexFormat.itemSize
        let head = try IndexLayout.words(8, at: 0, of: file)
        guard head.count >= 2, head[0] == BlobIndexFormat.headerSize, head[1] == BlobIndexFormat.headerType else {
            throw ImageIndexError.notAnIndex
        }
        guard fileSize >= fixedPart, head.count == 8 else {
            throw ImageIndexError.truncated(expected: UInt64(fixedPart), actual: fileSize)
        }
        guard head[6] == .max, head[7] == BlobIndexFormat.tableType else {
            throw ImageIndexError.malformed(reason: "no table of blocks after the header")
        }
        algorithm = head[2] & BlobIndexFormat.sha512_256Flag == 0 ? .sha256 : .sha512_256
        let (smallest, average, longest) = (head[3], head[4], head[5])
        guard smallest >= 1, smallest <= average, average <= longest else {
            throw ImageIndexError.malformed(reason: "block sizes \(smallest), \(average), \(longest) do not rise")
        }
        longestBlock = min(longest, UInt64(BlockSize.longestReadable))

        let tail = try IndexLayout.words(5, at: Int(fileSize) - BlobIndexFormat.itemSize, of: file)
        let tableSize = fileSize - UInt64(BlobIndexFormat.headerSize)
        guard tail.count == 5, tail[4] == BlobIndexFormat.tailMarker, tail[0] == 0, tail[1] == 0 else {
            throw ImageIndexError.malformed(reason: "the table has no end: the file is cut off or damaged")
        }
        guard tail[2] == BlobIndexFormat.headerSize, tail[3] == tableSize else {
            let expected = tail[3].addingReportingOverflow(UInt64(BlobIndexFormat.headerSize))
            throw ImageIndexError.truncated(
                expected: expected.overflow ? .max : expected.partialValue, actual: fileSize)
        }
        let items = fileSize - UInt64(fixedPart)
        guard items.isMultiple(of: UInt64(BlobIndexFormat.itemSize)) else {
            throw ImageIndexError.malformed(reason: "the table is no whole number of rows")
        }
        count = Int(items) / BlobIndexFormat.itemSize
        guard count > 0 else { throw ImageIndexError.empty }
    }

    private static func words(_ count: Int, at offset: Int, of file: FileHandle) throws -> [UInt64] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count * 8, alignment: 8)
        defer { buffer.deallocate() }
        let read = try file.read(into: buffer, at: offset)
        return (0..<(read / 8)).map {
            UInt64(littleEndian: buffer.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self))
        }
    }
}
