import ContentAddress
import TUF

/// Where things lie below a tree's root.
enum TreePath {
    static let firstRoot = "metadata/1.root.json"
    static let timestamp = "metadata/timestamp.json"

    static func block(_ id: BlockID) -> String { "blocks/\(id.chunkStorePath)" }

    /// A signed file's path: its digest stands before its name.
    static func target(_ name: String, digest: String) -> String {
        let slash = name.lastIndex(of: "/")
        let start = slash.map { name.index(after: $0) } ?? name.startIndex
        return "targets/\(name[..<start])\(digest).\(name[start...])"
    }
}
