import Linux

/// Why a file is no usable index.
package enum ImageIndexError: Error, Sendable, Equatable {
    /// The file could not be opened, read or written.
    case file(SystemCallError)
    /// The first bytes are not a casync blob index's.
    case notAnIndex
    /// The file ends before its table does, or goes on after it.
    case truncated(expected: UInt64, actual: UInt64)
    /// The file's structure is there but says something impossible. `reason` is a phrase for the user.
    case malformed(reason: String)
    /// The image has no bytes.
    case empty
}

extension ImageIndexError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .file(let error): "\(error)"
        case .notAnIndex: "not a casync blob index (.caibx)"
        case .truncated(let expected, let actual): "index is \(actual) bytes long, its table says \(expected)"
        case .malformed(let reason): "malformed index: \(reason)"
        case .empty: "the index describes an image of 0 bytes"
        }
    }
}
