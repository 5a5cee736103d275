import ContentAddress
import Glibc
import ImageIndex
import Linux

/// Something in a tree that a client would stumble over.
package enum TreeProblem: Sendable, Equatable, CustomStringConvertible {
    /// An index that lacks or is no index. `version` is such as `debian@2026-11-16`.
    case index(version: String, path: String, ImageIndexError)
    /// The index describes an image of another size than the catalog says.
    case size(version: String, catalog: UInt64, index: UInt64)
    /// A signed file lacks, or is not what was signed. `reason` is a phrase.
    case target(name: String, reason: String)
    /// A reader would not believe the tree's metadata, for this reason.
    case metadata(String)
    /// A block lacks or cannot be read.
    case blockUnreadable(BlockID, version: String, SystemCallError)
    /// A block's file holds something else. `reason` is a phrase.
    case blockDamaged(BlockID, version: String, reason: String)

    package var description: String {
        switch self {
        case .index(let version, let path, let error): "\(version): \(path): \(error)"
        case .size(let version, let catalog, let index):
            "\(version): the catalog says \(catalog) bytes, the index \(index)"
        case .target(let name, let reason): "targets/\(name): \(reason)"
        case .metadata(let reason): "metadata: \(reason)"
        case .blockUnreadable(let id, let version, let error):
            error.code == ENOENT ? "\(version): block \(id) is missing" : "\(version): block \(id): \(error.message)"
        case .blockDamaged(let id, let version, let reason): "\(version): block \(id) is damaged: \(reason)"
        }
    }
}
