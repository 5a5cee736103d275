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
            throw ImageIndexError.malformed(reason: "the table is not a whole number of rows")
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

/// Constants of casync's blob index (`caformat.h`). All numbers are little-endian 64-bit.
enum BlobIndexFormat {
    static let headerSize = 48
    static let headerType: UInt64 = 0x9682_4d9c_7b12_9ff9
    static let tableHeaderSize = 16
    static let tableType: UInt64 = 0xe75b_9e11_2f17_417d
    static let itemSize = 40
    static let tailMarker: UInt64 = 0x4b4f_050e_5549_ecd1
    /// `CA_FORMAT_SHA512_256`: ids are SHA-512/256, else SHA-256.
    static let sha512_256Flag: UInt64 = 0x2000_0000_0000_0000
    /// `CA_FORMAT_EXCLUDE_NODUMP | CA_FORMAT_EXCLUDE_FILE` as casync sets them; they mean nothing for a blob.
    static let writtenFlags: UInt64 = 0x9000_0000_0000_0000
}

/// One pass over the table: every offset and length checked, and what later look-ups need.
struct IndexScan {
    private(set) var imageSize: UInt64 = 0
    private(set) var longestBlock = 0
    private(set) var lastBlock = 0
    /// Nil when blocks other than the last differ in length, or the last is longer than the others.
    private(set) var fixedBlockSize: Int?
    /// End offsets of items 0, stride, 2 * stride, …
    private(set) var landmarks: [UInt64] = []

    init(file: FileHandle, layout: IndexLayout, stride: Int) throws {
        var allEqual = true
        var firstBlock = 0
        for first in Swift.stride(from: 0, to: layout.count, by: 4096) {
            let range = first..<min(first + 4096, layout.count)
            let bytes = UnsafeRawBufferPointer(try IndexItem.bytes(from: file, layout.rows, range))
            defer { bytes.deallocate() }
            for position in range {
                let end = try layout.rows.end(ofRow: position - first, in: bytes, position: position)
                guard end > imageSize else {
                    throw ImageIndexError.malformed(
                        reason: "block \(position) ends at \(end), not after \(imageSize)")
                }
                let length = end - imageSize
                guard length <= layout.longestBlock else {
                    throw ImageIndexError.malformed(
                        reason: "block \(position) has \(length) bytes, more than \(layout.longestBlock)")
                }
                if position == 0 { firstBlock = Int(length) }
                // Every block but the last must equal the first.
                if position > 0 && lastBlock != firstBlock { allEqual = false }
                lastBlock = Int(length)
                longestBlock = max(longestBlock, lastBlock)
                imageSize = end
                if position.isMultiple(of: stride) { landmarks.append(end) }
            }
        }
        // FUSE, stat and QEMU count in signed 64 bits.
        guard imageSize <= UInt64(Int64.max) else {
            throw ImageIndexError.malformed(reason: "the image has \(imageSize) bytes")
        }
        fixedBlockSize = allEqual && lastBlock <= firstBlock ? firstBlock : nil
    }
}
