import Catalog
import Glibc
import Linux

/// A published tree on the local disk: `targets/` with the catalog and the indexes, `blocks/`.
package struct PublishedTree: Sendable {
    package let path: String

    var targets: String { "\(path)/targets" }
    var blocks: String { "\(path)/blocks" }
    var catalogPath: String { "\(targets)/catalog.json" }

    /// Where a path of the catalog (`index`, `bootSet`) lies on disk.
    func target(_ name: String) -> String { "\(targets)/\(name)" }

    /// Opens a tree that ``create(path:name:description:)`` made.
    /// - Throws: ``PublisherError/notATree(path:reason:)``.
    package init(path: String) throws(PublisherError) {
        self.path = path
        guard Folders.isFolder(path) else { throw .notATree(path: path, reason: "there is no such folder") }
        guard access(catalogPath, F_OK) == 0 else {
            throw .notATree(path: path, reason: "it has no targets/catalog.json")
        }
    }

    /// Makes an empty tree. One that is there already stays as it is; one that was half made is completed.
    /// - Throws: ``PublisherError/notEmpty(path:)``, ``PublisherError/unwritable(_:)``.
    package static func create(path: String, name: String, description: String) throws(PublisherError) -> PublishedTree
    {
        try Folders.create(path)
        let names: [String]
        do { names = try Folders.names(in: path) } catch { throw .unreadable(error) }
        guard names.isEmpty || names.contains("targets") || names == ["blocks"] else { throw .notEmpty(path: path) }
        if names.contains("targets") && access("\(path)/targets/catalog.json", F_OK) != 0 {
            let targets = (try? Folders.names(in: "\(path)/targets")) ?? []
            guard targets.allSatisfy({ $0.hasPrefix(".catalog.json.") }) else { throw .notEmpty(path: path) }
        }
        try Folders.create("\(path)/targets")
        try Folders.create("\(path)/blocks")
        let catalog = "\(path)/targets/catalog.json"
        if access(catalog, F_OK) != 0 {
            StaleFiles.remove(beside: catalog)
            let document = CatalogDocument(name: name, description: description, updated: .now)
            try write(document, to: catalog)
        }
        return try PublishedTree(path: path)
    }

    /// Keeps other publishers out for as long as the handle lives (an flock of the tree's folder).
    /// - Throws: ``PublisherError/busy(path:)``.
    func lock() throws(PublisherError) -> FileHandle {
        do {
            let handle = try FileHandle(path: path, flags: O_RDONLY | O_DIRECTORY)
            if try handle.lock(exclusive: true, wait: false) { return handle }
        } catch {
            throw .unreadable(error)
        }
        throw .busy(path: path)
    }

    /// - Throws: ``PublisherError/catalog(path:_:)``, ``PublisherError/unreadable(_:)``.
    package func catalog() throws(PublisherError) -> CatalogDocument {
        var bytes: [UInt8] = []
        do {
            let file = try FileHandle(path: catalogPath, flags: O_RDONLY)
            // One byte more than is read, so that decode refuses what is longer.
            bytes = [UInt8](repeating: 0, count: min(Int(try file.status().st_size), CatalogDocument.longest + 1))
            let size = bytes.count
            let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
            bytes.removeLast(size - count)
        } catch let error as SystemCallError {
            throw .unreadable(error)
        } catch {
            throw .notATree(path: path, reason: "\(error)")
        }
        do {
            return try CatalogDocument.decode(bytes)
        } catch {
            throw .catalog(path: catalogPath, error)
        }
    }

    func write(_ document: CatalogDocument) throws(PublisherError) {
        StaleFiles.remove(beside: catalogPath)
        try PublishedTree.write(document, to: catalogPath)
    }

    private static func write(_ document: CatalogDocument, to path: String) throws(PublisherError) {
        let bytes: [UInt8]
        do { bytes = try document.encode() } catch { throw .catalog(path: path, error) }
        do { try AtomicFile.write(bytes, to: path, durable: true) } catch { throw .unwritable(error) }
    }
}
