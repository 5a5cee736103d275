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
}
