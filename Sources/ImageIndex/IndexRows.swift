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
