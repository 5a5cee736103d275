import ContentAddress
import TUF

/// Where a copy of a tree is made. Paths are relative to the tree's root.
protocol MirrorDestination: Sendable {
    /// As the user named it.
    var name: String { get }

    /// The sizes of those files of `paths` that are there, by path. They all lie below `folder`.
    func sizes(of paths: [String], below folder: String) async throws -> [String: Int]

    /// A file's bytes; nil when it is not there.
    func read(_ path: String, limit: Int) async throws -> [UInt8]?

    /// Writes a file: it appears whole, in place of an older one.
    func write(_ bytes: [UInt8], to path: String) async throws

    /// The paths of all files below a folder.
    func paths(below folder: String) async throws -> [String]

    /// Removes a file; a missing one is not an error.
    func remove(_ path: String) async throws

    /// Takes away what served the work alone. Nothing is written afterwards.
    func close()
}

/// Where things lie below a tree's root.
enum TreePath {
    static let firstRoot = "metadata/1.root.json"
    static let timestamp = "metadata/timestamp.json"

    static func block(_ id: BlockID) -> String { "blocks/\(id.chunkStorePath)" }

    /// A signed file's path: its digest stands before its name.
    static func target(_ name: String, digest: String) -> String {
        "targets/\(TargetName.path(of: name, digest: digest))"
    }
}
