import Catalog
import Linux

/// Whether others than the publisher can read a tree: a web server runs as somebody else.
package enum TreeAccess {
    /// A place that keeps others out, and the command that lets them in.
    package struct Obstacle: Sendable, Equatable {
        package let path: String
        package let cure: String
    }

    /// The first obstacle on the way to what a reader asks for first.
    /// - Parameter isWhole: looks at the folders above the tree too.
    /// - Returns: nil where there is none.
    package static func obstacle(tree: String, isWhole: Bool = true) -> Obstacle? {
        let tree = ResolvedPath.resolve(tree)
        if isWhole {
            var above: [String] = []
            var place = tree
            while let parent = Folder.parent(of: place) {
                above.append(parent)
                place = parent
            }
            // The outermost first: it must be opened first.
            for folder in above.reversed() where !allows(folder, search) {
                return Obstacle(path: folder, cure: "chmod o+x '\(folder)'")
            }
        }
        let parts = ["/metadata", "/targets"].flatMap { paths(in: tree + $0) }
        let inner = parts.filter { Folder.isFolder($0) && !ForeignNames.contain($0.split(separator: "/").last ?? "") }
        let folders = ["", "/metadata", "/targets", "/blocks"].map { tree + $0 } + inner
        let endings = [".json", ".caibx", ".bootset", PublishedPack.ending]
        let files = (parts + inner.flatMap(paths)).filter { file in endings.contains { file.hasSuffix($0) } }
        if let closed = folders.first(where: { !allows($0, search | read) })
            ?? files.first(where: { !allows($0, read) })
        {
            return Obstacle(path: closed, cure: "chmod -R a+rX '\(tree)'")
        }
        return nil
    }

    private static func paths(in folder: String) -> [String] { Folder.namesIfAny(in: folder).map { "\(folder)/\($0)" } }

    /// A missing one keeps nobody out.
    private static func allows(_ path: String, _ mode: UInt32) -> Bool {
        // A warning alone depends on it: what the publisher cannot see is not warned of.
        guard let status = try? Paths.status(path) else { return true }
        return status.st_mode & mode == mode
    }

    /// The bits of a mode that let others read a file or list a folder, and reach what is in it.
    private static let (read, search): (UInt32, UInt32) = (0o004, 0o001)
}
