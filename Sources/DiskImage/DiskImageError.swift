/// Why a file is not a disk that can be read here. The reason is a phrase for people.
package enum DiskImageError: Error, Sendable, Equatable {
    /// It says something impossible, or is damaged.
    case malformed(reason: String)
    /// It is what it says, and is not read here: it needs another file, or cannot be read in parts.
    case unsupported(reason: String)
    /// It can be unpacked, but only from its beginning to its end: all of it must be here first.
    case notInParts(reason: String)
}

extension DiskImageError {
    /// The phrase alone.
    package var reason: String {
        switch self {
        case .malformed(let reason), .unsupported(let reason), .notInParts(let reason): reason
        }
    }
}

extension DiskImageError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed(let reason): "damaged disk image: \(reason)"
        case .unsupported(let reason), .notInParts(let reason): "this disk image cannot be used: \(reason)"
        }
    }
}
