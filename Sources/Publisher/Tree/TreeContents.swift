import Catalog
import Linux
import TUF

/// What a tree's newest signed metadata names, and where it lies on disk.
struct TreeContents: Sendable {
    /// The tree's folder.
    let path: String
    let state: RepositoryState
    /// By name, of all roles that sign targets; the catalog's own publisher comes first.
    private let files: [String: TargetFile]

    init(path: String, state: RepositoryState) throws(RepositoryError) {
        self.path = path
        self.state = state
        var files: [String: TargetFile] = [:]
        var roles = state.documents.entries.map(\.name).filter {
            !["root", "timestamp", "snapshot", "targets"].contains($0)
        }
        roles.insert("targets", at: 0)
        for role in roles {
            for entry in try state.targets(of: role).targets.entries where files[entry.name] == nil {
                files[entry.name] = entry.value
            }
        }
        self.files = files
    }

    /// Where a target lies; nil when it is not signed.
    func path(of name: String) -> String? {
        files[name].flatMap(TreeContents.place).map { "\(path)/targets/\($0)" }
    }

    /// Where a target lies below `targets/`, under the name with its digest; nil when it has no SHA-256.
    static func place(of file: TargetFile) -> String? {
        file.sha256.map { TargetName.path(of: file.name, digest: $0) }
    }

    /// The names that one role signs for.
    func names(of role: String) -> [String] {
        // Decoded before, by `init`: nothing is read here.
        ((try? state.targets(of: role))?.targets.entries ?? []).map(\.name)
    }

    /// A target's file as the metadata describes it.
    func file(_ name: String) -> TargetFile? { files[name] }

    /// All names, sorted.
    var names: [String] { files.keys.sorted() }

    /// The catalog, with the distributions that have publishers of their own as these say, and with the versions of vendors' files.
    /// - Throws: ``PublisherError``.
    func catalog() throws(PublisherError) -> CatalogDocument {
        var document = try main()
        for position in document.distributions.indices {
            let id = document.distributions[position].id
            guard let bytes = try read("\(id)/distribution.json") else { continue }
            do {
                document.distributions[position] = try Distribution.decode(bytes, id: id)
            } catch {
                throw .catalog(path: "\(id)/distribution.json", error)
            }
        }
        if let sources = try sources() { document.merge(sources: sources) }
        return document
    }

    /// The signed documents that a catalog would be published as; see ``Catalog/CatalogDocument/parted(catalog:sources:)``. The second is
    /// nil where it stays as it is.
    /// - Throws: ``PublisherError``, as ``catalog()``.
    func parts(
        of document: CatalogDocument
    ) throws(PublisherError) -> (catalog: CatalogDocument, sources: CatalogDocument?) {
        let known = try sources()
        let main = path(of: "catalog.json") == nil ? nil : try main()
        let parts = document.parted(catalog: main, sources: known)
        return (parts.catalog, parts.sources == known ? nil : parts.sources)
    }

    /// The table of vendors; nil where there is none.
    /// - Throws: ``PublisherError``, as ``catalog()``.
    func vendorTables() throws(PublisherError) -> VendorTables? {
        guard let bytes = try read(VendorTables.targetName) else { return nil }
        do {
            return try VendorTables.decode(bytes)
        } catch {
            throw .catalog(path: self.path(of: VendorTables.targetName) ?? VendorTables.targetName, error)
        }
    }

    private func sources() throws(PublisherError) -> CatalogDocument? {
        guard let bytes = try read(CatalogDocument.sourcesName) else { return nil }
        do {
            return try CatalogDocument.decodeSources(bytes)
        } catch {
            throw .catalog(path: self.path(of: CatalogDocument.sourcesName) ?? CatalogDocument.sourcesName, error)
        }
    }

    /// Whether the catalog itself has a distribution.
    /// - Throws: ``PublisherError``, as ``catalog()``.
    func lists(_ distribution: String) throws(PublisherError) -> Bool { try main().distribution(distribution) != nil }

    /// Whether a publisher of its own signs for a distribution.
    func hasRole(of distribution: String) -> Bool { state.documents[distribution] != nil }

    /// The ids of the keys that may sign for these roles.
    func keyIDs(of roles: [String]) -> Set<String> {
        var ids: Set<String> = []
        for role in roles {
            if let top = TopLevelRole(rawValue: role) {
                ids.formUnion(state.root.keys(of: top).keyIDs)
                // Decoded before, by `init`: nothing is read here, and nothing can fail.
            } else if let keys = try? state.targets().delegations?.keys(of: role) {
                ids.formUnion(keys.keyIDs)
            }
        }
        return ids
    }

    private func main() throws(PublisherError) -> CatalogDocument {
        guard let bytes = try read("catalog.json") else {
            throw .notATree(path: path, reason: "its publisher did not sign a catalog.json")
        }
        do {
            return try CatalogDocument.decode(bytes)
        } catch {
            throw .catalog(path: self.path(of: "catalog.json") ?? "catalog.json", error)
        }
    }

    private func read(_ name: String) throws(PublisherError) -> [UInt8]? {
        guard let path = path(of: name) else { return nil }
        do {
            return try FileContents.read(path, limit: CatalogDocument.longest + 1)
        } catch {
            throw .unreadable(error)
        }
    }
}
