import ContentAddress
import Curl
import FoundationEssentials
import Glibc
import Linux

/// The catalogs that this user follows: their sources, the last copy of each, and the indexes that were fetched.
///
/// Folder layout: `NAME/source.json`, `NAME/catalog.json`, `NAME/indexes/DISTRO/VERSION.<digest>.caibx`.
/// Several processes may share it: every file appears by rename.
package struct CatalogLibrary: Sendable {
    private let directory: String
    private let transfers: TransferQueue

    /// A catalog copy that is younger than this many seconds is not asked for again.
    private static let freshSeconds = 10
    /// Bounds on what a server may send: a catalog (also the decoder's own bound), an index of 4 million blocks.
    private static let catalogLimit = 16 << 20
    private static let indexLimit = 256 << 20
    /// 262,144 lines of 65 bytes, and the header.
    private static let bootSetLimit = 64 + 262_144 * 65

    /// - Parameter directory: `STATE/catalogs`; made when the first catalog is added.
    package init(directory: String, transfers: TransferQueue) {
        self.directory = directory
        self.transfers = transfers
    }

    // MARK: Sources

    /// All sources, by name.
    package func sources() -> [CatalogSource] {
        DirectoryListing.names(in: directory).sorted().compactMap { name in
            guard let bytes = try? FileContents.read("\(directory)/\(name)/source.json", limit: 65_536) else {
                return nil
            }
            return try? JSONDecoder().decode(CatalogSource.self, from: Data(bytes))
        }
    }

    /// Fetches the catalog and remembers its source.
    /// - Throws: ``CatalogAccessError``, ``CatalogError`` when what the server gave is no catalog.
    package func add(_ source: CatalogSource) async throws -> CatalogCopy {
        if sources().contains(where: { $0.name == source.name }) { throw CatalogAccessError.exists(source.name) }
        let bytes = try await fetchDocument(source)
        let document = try CatalogDocument.decode(bytes)
        try store(bytes, source)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try write(Array(try encoder.encode(source)), to: "\(directory)/\(source.name)/source.json")
        return CatalogCopy(source: source, state: .fresh, document: document)
    }

    /// Forgets a catalog and its copies.
    /// - Throws: ``CatalogAccessError``.
    package func remove(_ name: String) throws {
        let source = try self.source(named: name)
        let path = "\(directory)/\(source.name)"
        do {
            // The source goes first: without it the rest is no catalog.
            try systemCall("unlink", "\(path)/source.json") { unlink("\(path)/source.json") }
            try DirectoryTree.remove(path)
        } catch {
            throw CatalogAccessError.state(path: path, cause: error)
        }
    }

    package func source(named name: String) throws(CatalogAccessError) -> CatalogSource {
        let sources = sources()
        guard let source = sources.first(where: { $0.name == name }) else {
            throw .noSuchCatalog(name, near: NearNames.suggest(name, among: sources.map(\.name)))
        }
        return source
    }

    // MARK: Copies

    /// The copy that is here, without asking anybody.
    package func copy(of source: CatalogSource) -> CatalogCopy {
        let path = documentPath(source)
        do {
            let document = try CatalogDocument.decode(try FileContents.read(path, limit: CatalogLibrary.catalogLimit))
            return CatalogCopy(source: source, state: isFresh(path) ? .fresh : .stale, document: document)
        } catch {
            return CatalogCopy(source: source, state: .stale, document: nil, error: error)
        }
    }

    /// The catalog as the server has it now; the copy that is here when it does not answer.
    package func refreshed(_ source: CatalogSource) async -> CatalogCopy {
        do {
            let bytes = try await fetchDocument(source)
            let document = try CatalogDocument.decode(bytes)
            try store(bytes, source)
            return CatalogCopy(source: source, state: .fresh, document: document)
        } catch CatalogAccessError.untrusted(let catalog, let url, let reason) {
            let error = CatalogAccessError.untrusted(catalog: catalog, url: url, reason: reason)
            return CatalogCopy(source: source, state: .untrusted, document: nil, error: error)
        } catch let error as CatalogAccessError {
            return CatalogCopy(source: source, state: .unreachable, document: copy(of: source).document, error: error)
        } catch {
            return CatalogCopy(source: source, state: .untrusted, document: copy(of: source).document, error: error)
        }
    }

    /// All catalogs at once, asking those servers whose copy is not fresh.
    package func copies(refresh: Bool) async -> [CatalogCopy] {
        await withTaskGroup(of: CatalogCopy.self) { group in
            for source in sources() {
                group.addTask {
                    let copy = copy(of: source)
                    return refresh && (copy.state != .fresh || copy.document == nil) ? await refreshed(source) : copy
                }
            }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.source.name < $1.source.name }
        }
    }

    // MARK: Indexes

    /// The path of a version's index here, fetched when it is not here yet.
    ///
    /// A published index never changes, so a copy is used as it is; the image's digest in its name keeps a tree that was
    /// made anew under the same version ids apart.
    /// - Throws: ``CatalogAccessError``.
    package func index(of version: ChosenVersion) async throws -> String {
        let path = indexPath(version.source, version.distribution, version.version)
        if access(path, R_OK) == 0 { return path }
        let url = "\(version.source.url)targets/\(version.version.index)"
        try write(try await fetch(url, of: version.source, limit: CatalogLibrary.indexLimit), to: path)
        return path
    }

    /// Where a version's index is once it was fetched.
    package func indexPath(_ source: CatalogSource, _ distribution: Distribution, _ version: DistributionVersion)
        -> String
    {
        let digest = version.digest.map { String($0.description.suffix(16)) } ?? "\(version.size)"
        return "\(directory)/\(source.name)/indexes/\(distribution.id)/\(version.id).\(digest).caibx"
    }

    /// The ids of a distribution's versions whose index is here: one look at a folder, however many versions there are.
    package func versionsWithIndex(_ source: CatalogSource, _ distribution: Distribution) -> Set<String> {
        var ids: Set<String> = []
        for name in DirectoryListing.names(in: "\(directory)/\(source.name)/indexes/\(distribution.id)")
        where name.hasSuffix(".caibx") {
            // VERSION.DIGEST.caibx, where a version may hold a dot.
            let parts = name.split(separator: ".")
            ids.insert(parts.dropLast(2).joined(separator: "."))
        }
        return ids
    }

    /// The path of a version's published boot set here, fetched when it is not here yet; nil where none was published.
    /// - Throws: ``CatalogAccessError``.
    package func bootSet(of version: ChosenVersion) async throws -> String? {
        guard let name = version.version.bootSet else { return nil }
        let path = bootSetPath(version.source, version.distribution, version.version)
        if access(path, R_OK) == 0 { return path }
        try write(
            try await fetch(
                "\(version.source.url)targets/\(name)", of: version.source, limit: CatalogLibrary.bootSetLimit),
            to: path)
        return path
    }

    /// Where a version's published boot set is once it was fetched.
    package func bootSetPath(_ source: CatalogSource, _ distribution: Distribution, _ version: DistributionVersion)
        -> String
    {
        String(indexPath(source, distribution, version).dropLast("caibx".count)) + "bootset"
    }

    // MARK: Parts

    private func documentPath(_ source: CatalogSource) -> String { "\(directory)/\(source.name)/catalog.json" }

    private func isFresh(_ path: String) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else { return false }
        let age = time(nil) - status.st_mtim.tv_sec
        return (0..<CatalogLibrary.freshSeconds).contains(age)
    }

    private func checkTrust(_ url: String, of source: CatalogSource) throws(CatalogAccessError) {
        guard URLText.isOfThisMachine(url) else {
            throw .untrusted(
                catalog: source.name, url: source.url,
                reason:
                    "it is not signed, and unsigned catalogs are only used from file: and from this machine's own servers"
            )
        }
    }

    private func fetchDocument(_ source: CatalogSource) async throws -> [UInt8] {
        try await fetch("\(source.url)targets/catalog.json", of: source, limit: CatalogLibrary.catalogLimit)
    }

    private func fetch(_ url: String, of source: CatalogSource, limit: Int) async throws -> [UInt8] {
        try checkTrust(url, of: source)
        let result: TransferResult
        do {
            result = try await transfers.get(url, maximumBytes: limit)
        } catch {
            throw CatalogAccessError.unreachable(catalog: source.name, url: url, cause: error)
        }
        // A server of this machine may have sent us elsewhere.
        try checkTrust(result.effectiveURL, of: source)
        return result.body.withUnsafeBytes { Array($0) }
    }

    private func store(_ bytes: [UInt8], _ source: CatalogSource) throws {
        try write(bytes, to: documentPath(source))
    }

    private func write(_ bytes: [UInt8], to path: String) throws(CatalogAccessError) {
        do {
            try DirectoryTree.make(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]))
            try AtomicFile.write(bytes, to: path)
        } catch {
            throw .state(path: path, cause: error)
        }
    }
}
