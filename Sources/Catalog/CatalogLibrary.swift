import ContentAddress
import Curl
import FoundationEssentials
import Linux

/// The catalogs that this user follows: their sources, the last copy of each, and the indexes that were fetched.
///
/// Folder layout: `NAME/source.json`, `NAME/metadata/` (trusted), `NAME/trust.json`, `NAME/catalog.json`,
/// `NAME/sources.json` and `NAME/vendors.json` (where the catalog has them), `NAME/distributions/DISTRO.json` (from publishers of their own), `NAME/indexes/DISTRO/VERSION.<digest>.caibx`.
/// Several processes may share it: every file appears by rename.
package struct CatalogLibrary: Sendable {
    let directory: String
    let transfers: TransferQueue
    /// Copies of trees that the user added, by the catalog's name.
    private let mirrors: [String: [String]]
    /// What this process has found out about the files here.
    let known = KnownFiles()

    /// A catalog copy that is younger than this many seconds is not asked for again.
    private static let freshSeconds = 10

    /// Seconds that all files of one refresh may take together: enough for a catalog of ten thousand distributions with publishers of their
    /// own, two files each, over a link of 150 ms.
    var refreshSeconds = 3600

    /// - Parameter directory: `STATE/catalogs`; made when the first catalog is added.
    package init(directory: String, transfers: TransferQueue, mirrors: [String: [String]] = [:]) {
        self.directory = directory
        self.mirrors = mirrors
        self.transfers = transfers
    }

    // MARK: Sources

    /// All sources, by name.
    package func sources() -> [CatalogSource] { CatalogLibrary.sources(in: directory, mirrors: mirrors) }

    /// The servers of all sources in a library's folder, as ``URLText/server(of:)`` has them.
    package static func servers(in directory: String) -> Set<String> {
        servers(of: sources(in: directory, mirrors: [:]))
    }

    private static func servers(of sources: [CatalogSource]) -> Set<String> {
        Set(sources.compactMap { URLText.server(of: $0.url) })
    }

    private static func sources(in directory: String, mirrors: [String: [String]]) -> [CatalogSource] {
        // Shown, and asked for new versions: what cannot be read is not there for now, and nothing is removed for it.
        let names = Folder.namesIfAny(in: directory).sorted()
        if !names.isEmpty { hide(directory) }
        return names.compactMap { name in
            let path = "\(directory)/\(name)/source.json"
            // As above.
            guard let bytes = try? FileContents.read(path, limit: 65_536) else { return nil }
            hide(path)
            // A malformed one is not a source.
            var source = try? JSONDecoder().decode(CatalogSource.self, from: Data(bytes))
            source?.mirrors = mirrors[name] ?? []
            return source
        }
    }

    /// Takes away what others may do with a file or folder of this user's: earlier versions let everybody read addresses, and one may
    /// contain a password.
    private static func hide(_ path: String) {
        // Best effort: this may be a read-only medium.
        guard let status = try? Paths.status(path), status.permissions & 0o077 != 0 else { return }
        // As above.
        try? Paths.setPermissions(path, status.permissions & 0o700)
    }

    /// Tells a folder that cannot be looked into from one that holds no catalogs.
    /// - Throws: ``CatalogAccessError/state(path:cause:)``.
    package func requireReadable() throws(CatalogAccessError) {
        do { _ = try Folder.names(in: directory) } catch { throw .state(path: directory, cause: error) }
    }

    /// Names of catalogs whose address here can no longer be read. They can be removed, and added again.
    package func damagedSources() -> [String] {
        let readable = Set(sources().map(\.name))
        return Folder.namesIfAny(in: directory).sorted().filter { name in
            // One that cannot be seen now is not called damaged.
            !readable.contains(name) && (try? Paths.isThere("\(directory)/\(name)/source.json")) == true
        }
    }

    /// A number that changes when catalogs come or go, whichever process adds or removes them; one system call.
    package var sourcesStamp: Int64 {
        // The next look tells another number where this one could not be made.
        guard let status = try? Paths.status(directory) else { return 0 }
        return Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
    }

    /// Forgets a catalog and its copies.
    /// - Throws: ``CatalogAccessError``.
    package func remove(_ name: String) throws {
        do {
            _ = try source(named: name)
        } catch {
            // One whose address is spoiled must go, too.
            guard case .noSuchCatalog = error, damagedSources().contains(name) else { throw error }
        }
        let path = "\(directory)/\(name)"
        do {
            // The source goes first: without it the rest is not a catalog.
            try Paths.remove("\(path)/source.json")
            try Folder.removeTree(path)
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

    /// The stored copy; no server is asked. It was verified when it came.
    package func copy(of source: CatalogSource) -> CatalogCopy {
        var known: TrustSummary?
        do {
            let trust = try summary(source)
            known = trust
            let document = try localDocument(source, trust)
            if let expired = CatalogLibrary.expiry(trust, source) {
                return CatalogCopy(source: source, state: .expired, document: document, trust: trust, error: expired)
            }
            let state: CatalogCopy.State = isFresh(summaryPath(source)) ? .fresh : .stale
            return CatalogCopy(source: source, state: state, document: document, trust: trust)
        } catch {
            return CatalogCopy(source: source, state: .stale, document: nil, trust: known, error: error)
        }
    }

    /// All catalogs at once, asking those servers whose copy is not fresh.
    ///
    /// A stored copy does not wait long for its server: what is known is better than nothing.
    package func copies(refresh: Bool) async -> [CatalogCopy] {
        let sources = sources()
        // Other catalogs' mirrors and redirects may lead there from now on, also where another process added it.
        transfers.setNamed(CatalogLibrary.servers(of: sources))
        return await withTaskGroup(of: CatalogCopy.self) { group in
            for source in sources {
                group.addTask {
                    let copy = copy(of: source)
                    guard refresh, copy.state != .fresh || copy.document == nil else { return copy }
                    return copy.document == nil ? await refreshed(source) : await refreshed(source, within: patience)
                }
            }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.source.name < $1.source.name }
        }
    }

    /// How long a server may take to answer when a copy is stored.
    private var patience: Duration { .seconds(3) }

    private func refreshed(_ source: CatalogSource, within time: Duration) async -> CatalogCopy {
        await withTaskGroup(of: CatalogCopy?.self) { group in
            group.addTask { await refreshed(source) }
            group.addTask {
                // Cancelled as soon as the server has answered.
                try? await Task.sleep(for: time)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            if let first { return first }
            let copy = copy(of: source)
            let error = CatalogAccessError.slow(catalog: source.name, url: source.shownURL)
            return CatalogCopy(
                source: source, state: copy.state == .expired ? .expired : .unreachable, document: copy.document,
                trust: copy.trust, error: error)
        }
    }

    /// Each file has a limit of its own, and nobody but the server knows how many there are.
    /// - Throws: ``CatalogAccessError/endless(catalog:url:seconds:)``, and what the body throws.
    func inTime(
        _ source: CatalogSource, _ body: @escaping @Sendable () async throws -> CatalogCopy
    ) async throws -> CatalogCopy {
        try await withThrowingTaskGroup(of: CatalogCopy?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await Task.sleep(for: .seconds(refreshSeconds))
                return nil
            }
            let first = try await group.next() ?? nil
            group.cancelAll()
            guard let first else {
                throw CatalogAccessError.endless(
                    catalog: source.name, url: source.shownURL, seconds: refreshSeconds)
            }
            return first
        }
    }

    // MARK: Parts

    func folder(_ source: CatalogSource) -> String { "\(directory)/\(source.name)" }
    func documentPath(_ source: CatalogSource) -> String { "\(folder(source))/catalog.json" }
    func sourcesPath(_ source: CatalogSource) -> String { "\(folder(source))/\(CatalogDocument.sourcesName)" }
    func summaryPath(_ source: CatalogSource) -> String { "\(folder(source))/trust.json" }
    func distributionsPath(_ source: CatalogSource) -> String { "\(folder(source))/distributions" }
    func metadataPath(_ source: CatalogSource) -> String { "\(folder(source))/metadata" }

    /// The catalog, with the distributions that have publishers of their own as these say, and with versions whose bytes lie at
    /// vendors.
    /// - Throws: ``CatalogAccessError/damaged(path:)`` for a file that is not what was trusted.
    func localDocument(_ source: CatalogSource, _ trust: TrustSummary) throws -> CatalogDocument {
        let bytes = try keptFile(documentPath(source), "catalog.json", digest: trust.catalogDigest, source)
        var document = try CatalogDocument.decode(bytes)
        try takeDistributions(into: &document, source, trust)
        if let digest = trust.sourcesDigest {
            document.merge(
                sources: try CatalogDocument.decodeSources(
                    try keptFile(sourcesPath(source), CatalogDocument.sourcesName, digest: digest, source)))
        }
        return document
    }

    /// Takes what publishers of single distributions say.
    private func takeDistributions(
        into document: inout CatalogDocument, _ source: CatalogSource, _ trust: TrustSummary
    ) throws {
        let names = try Folder.names(in: distributionsPath(source)).filter { $0.hasSuffix(".json") }
        guard !names.isEmpty else { return }
        let places = Dictionary(uniqueKeysWithValues: document.distributions.enumerated().map { ($1.id, $0) })
        for name in names {
            try Task.checkCancellation()
            let path = "\(distributionsPath(source))/\(name)"
            let id = String(name.dropLast(".json".count))
            guard let place = places[id] else { continue }
            document.distributions[place] = try Distribution.decode(
                try keptFile(path, "\(id)/distribution.json", digest: trust.distributionDigests?[id], source), id: id)
        }
    }

    /// What was trusted last: as it was written down, or from the signed metadata where that can no longer be read.
    func summary(_ source: CatalogSource) throws -> TrustSummary {
        do {
            return try JSONDecoder().decode(
                TrustSummary.self, from: Data(try FileContents.read(summaryPath(source), limit: 1 << 20)))
        } catch {
            guard let summary = try signedSummary(source, distributionDigests: nil) else { throw error }
            return summary
        }
    }

    static func expiry(_ trust: TrustSummary, _ source: CatalogSource) -> CatalogAccessError? {
        trust.expires < .now ? .expired(catalog: source.name, url: source.shownURL, since: trust.expires) : nil
    }

    private func isFresh(_ path: String) -> Bool {
        // One that cannot be seen is asked for again.
        guard let status = try? Paths.status(path) else { return false }
        let age = Int(Timestamp.now.seconds) - status.st_mtim.tv_sec
        return (0..<CatalogLibrary.freshSeconds).contains(age)
    }

    func write(_ bytes: [UInt8], to path: String) throws(CatalogAccessError) {
        do {
            try Folder.make(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]), mode: 0o700)
            // Without the fsync a power cut leaves an empty file under the name.
            try AtomicFile.write(bytes, to: path, mode: 0o600, durable: true)
        } catch {
            throw .state(path: path, cause: error)
        }
    }

    func writeJSON(_ value: some Encodable, to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try write(Array(try encoder.encode(value)), to: path)
    }
}
