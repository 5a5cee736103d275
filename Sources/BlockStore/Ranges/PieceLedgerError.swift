import Linux

/// Why a file's ledger cannot be used.
package enum PieceLedgerError: Error, Sendable, Equatable {
    case file(SystemCallError)
    /// What lies there is not a ledger, or another file's.
    case otherFile(path: String)
    /// No file has so many bytes, or none.
    case unusable(path: String, fileSize: UInt64)
}

extension PieceLedgerError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .file(let error): "\(error)"
        case .otherFile(let path):
            "\(path) is not this file's list of pieces; remove it, and what was fetched is fetched again"
        case .unusable(let path, let fileSize): "\(path): a file of \(fileSize) bytes cannot be read in pieces"
        }
    }
}
