import ContentAddress
import Linux

/// How an index file writes its rows.
enum IndexRows: Sendable {
    case casync
    case lbcas(LBCASHeader)

    /// Where the first row begins in the file.
    var start: Int {
        switch self {
        case .casync: BlobIndexFormat.headerSize + BlobIndexFormat.tableHeaderSize
        case .lbcas(let header): header.length
        }
    }

    /// Bytes of a row.
    var size: Int {
        switch self {
        case .casync: BlobIndexFormat.itemSize
        case .lbcas: LBCASHeader.rowSize
        }
    }

    /// Where a block ends in the image; of a row of LBCAS, once its digits are seen to be right.
    /// - Parameters:
    ///   - row: which of the rows in `bytes`.
    ///   - position: the block's, in the table.
    /// - Throws: ``ImageIndexError/malformed(reason:)``.
    func end(
        ofRow row: Int, in bytes: UnsafeRawBufferPointer, position: Int
    ) throws(ImageIndexError) -> UInt64 {
        switch self {
        case .casync:
            return UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: row * size, as: UInt64.self))
        case .lbcas:
            let row = UnsafeRawBufferPointer(rebasing: bytes[(row * size)..<((row + 1) * size)])
            return try IndexItem(row: row, self, position: position).end
        }
    }
}

/// One row of the table: where a block ends, and its id.
struct IndexItem {
    let end: UInt64
    let id: BlockID

    init(end: UInt64, id: BlockID) {
        self.end = end
        self.id = id
    }

    /// Reads one row.
    /// - Throws: ``ImageIndexError/malformed(reason:)``.
    init(row: UnsafeRawBufferPointer, _ rows: IndexRows, position: Int) throws(ImageIndexError) {
        switch rows {
        case .casync:
            end = UInt64(littleEndian: row.loadUnaligned(as: UInt64.self))
            id = BlockID(bytes: UnsafeRawBufferPointer(rebasing: row[8...]))
        case .lbcas(let header):
            guard row.last == UInt8(ascii: "\n"),
                let id = BlockID(sha1: String(decoding: row.dropLast(), as: UTF8.self))
            else { throw .malformed(reason: "line \(position + 2) is not a SHA-1 of 40 digits") }
            end = header.end(of: position)
            self.id = id
        }
    }

    /// Reads the rows of a range in one call.
    static func read(
        from file: FileHandle, _ rows: IndexRows, _ range: Range<Int>
    ) throws(ImageIndexError) -> [IndexItem] {
        let bytes = UnsafeRawBufferPointer(try bytes(from: file, rows, range))
        defer { bytes.deallocate() }
        var items: [IndexItem] = []
        items.reserveCapacity(range.count)
        for row in 0..<range.count {
            let row = (row * rows.size)..<((row + 1) * rows.size)
            items.append(
                try IndexItem(
                    row: UnsafeRawBufferPointer(rebasing: bytes[row]), rows, position: range.lowerBound + items.count))
        }
        return items
    }

    /// The rows of a range as they lie in the file, for the caller to free.
    static func bytes(
        from file: FileHandle, _ rows: IndexRows, _ range: Range<Int>
    ) throws(ImageIndexError) -> UnsafeMutableRawBufferPointer {
        let size = range.count * rows.size
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
        do throws(SystemCallError) {
            guard try file.read(into: buffer, at: rows.start + range.lowerBound * rows.size) == size else {
                throw SystemCallError(.inputOutput, call: "pread", subject: "index (the file became shorter)")
            }
        } catch {
            buffer.deallocate()
            throw .file(error)
        }
        return buffer
    }
}
