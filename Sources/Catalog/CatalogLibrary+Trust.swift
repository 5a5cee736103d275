import ContentAddress
import Curl
import FoundationEssentials
import Linux
import TUF

/// Why the user trusts a catalog's first root metadata, before anything of it is used.
package enum CatalogTrust: Sendable {
    /// The root metadata itself, which came another way.
    case root([UInt8])
    /// The SHA-256 of `metadata/1.root.json`, 64 hexadecimal digits of either case.
    case fingerprint(String)
    /// Trust on first use: the user is shown the fingerprint of what the server gave, and decides.
    case ask(@Sendable (_ fingerprint: String) async throws -> Bool)
}

/// Where trust comes from: what a server says is used when its publisher's keys signed it, and not before.
extension CatalogLibrary {
    /// Takes a publisher's root metadata as trusted, fetches the catalog and remembers its source.
    /// - Throws: ``CatalogAccessError``, ``CatalogError`` when the signed catalog is none. Nothing stays then.
    package func add(_ source: CatalogSource, trust: CatalogTrust) async throws -> CatalogCopy {
        if try isFollowed(source) { throw CatalogAccessError.exists(source.name) }
        guard source.name != CatalogSource.vendorsName else { throw CatalogAccessError.reservedName(source.name) }
        guard source.shownURL == source.url else { throw CatalogAccessError.credentials(in: source.shownURL) }
        let root = try await root(of: source, trust)
        do {
            // What an earlier try left is not trusted.
            try Folder.removeTree(folder(source))
            // Made here, for this user only; what makes the folders below makes them for everybody.
            try Folder.make(folder(source), mode: 0o700)
        } catch {
            throw CatalogAccessError.state(path: folder(source), cause: error)
        }
        do {
            do {
                try TUFClient.initialize(DirectoryMetadataStore(path: metadataPath(source)), root: root)
            } catch {
                throw accessError(error, source)
            }
            try write(Array(FileDigest.sha256(of: root).hex.utf8), to: fingerprintPath(source))
            let copy = await refreshed(source)
            guard copy.isCurrent else {
                throw copy.error ?? CatalogAccessError.noSuchCatalog(source.name, near: [])
            }
            try writeJSON(source, to: sourcePath(source))
            // The folder of all catalogs did not change just now; see sourcesStamp.
            // Only how soon an open menu notices depends on it.
            try? Paths.setTimes(directory)
            return copy
        } catch {
            // Without its source.json it is not a catalog, and the next try removes what stays.
            try? Folder.removeTree(folder(source))
            throw error
        }
    }

    /// Whether there is a catalog of this name, whose trust must not be replaced. One whose file is malformed is none.
    private func isFollowed(_ source: CatalogSource) throws(CatalogAccessError) -> Bool {
        let path = "\(folder(source))/source.json"
        do {
            let bytes = try FileContents.read(path, limit: 65_536)
            // In memory: see above.
            return (try? JSONDecoder().decode(CatalogSource.self, from: Data(bytes))) != nil
        } catch  where [.noSuchFile, .notAFolder, .fileTooLarge].contains(error.number) {
            return false
        } catch {
            throw .state(path: path, cause: error)
        }
    }

    /// The catalog as the server has it now; what was trusted before when it does not answer, or cannot be trusted.
    package func refreshed(_ source: CatalogSource) async -> CatalogCopy {
        let before = copy(of: source)
        do {
            return try await inTime(source) { try await refresh(source, before) }
        } catch {
            let known = (error as? TUFError) ?? (error is CancellationError ? .cancelled : nil)
            let failure = known.map { accessError($0, source) } ?? error
            let state: CatalogCopy.State =
                switch failure {
                case CatalogAccessError.expired: .expired
                case CatalogAccessError.unreachable, CatalogAccessError.notMetadata, CatalogAccessError.endless:
                    before.state == .expired ? .expired : .unreachable
                case CatalogAccessError.state: before.document == nil ? .unreachable : .stale
                default: .untrusted
                }
            // The next look at the copy asks again, however recently it was trusted.
            // It would count as fresh for a few seconds otherwise.
            if state == .untrusted { try? Paths.setTimes(summaryPath(source), seconds: 0) }
            return CatalogCopy(
                source: source, state: state, document: before.document, trust: before.trust, error: failure)
        }
    }

    private func refresh(_ source: CatalogSource, _ before: CatalogCopy) async throws -> CatalogCopy {
        let sighting = SourceSighting()
        let client = try await client(source, before, sighting)
        try await client.refresh()
        guard let target = try await client.target("catalog.json") else {
            throw CatalogAccessError.untrusted(
                catalog: source.name, url: source.shownURL, reason: "its publisher did not sign a catalog.json")
        }
        if before.document == nil || before.trust?.catalogDigest != target.sha256 {
            let bytes = try await client.download(target, maximumLength: CatalogDocument.longest)
            _ = try CatalogDocument.decode(bytes)
            try write(bytes, to: documentPath(source))
        }
        try await refreshSources(source, client)
        let digests = try await refreshDistributions(source, client)
        let table = try await refreshTable(source, client, before.trust)
        guard
            var summary = try signedSummary(
                source, distributionDigests: digests, sourceKind: sighting.kind ?? before.trust?.sourceKind)
        else {
            throw CatalogAccessError.damaged(path: metadataPath(source), cause: nil)
        }
        (summary.tableDigest, summary.tableFault) = (table.digest, table.fault)
        try writeJSON(summary, to: summaryPath(source))
        let expired = CatalogLibrary.expiry(summary, source)
        return CatalogCopy(
            source: source, state: expired == nil ? .fresh : .expired, document: try localDocument(source, summary),
            trust: summary,
            error: expired)
    }

    /// Brings the versions whose bytes lie at vendors, where the publisher has signed any.
    private func refreshSources(_ source: CatalogSource, _ client: TUFClient) async throws {
        let path = sourcesPath(source)
        guard let target = try await client.target(CatalogDocument.sourcesName) else {
            // Nobody vouches for it any more.
            do { try Paths.remove(path) } catch { throw CatalogAccessError.state(path: path, cause: error) }
            return
        }
        // What cannot be read is fetched and written again.
        if let here = try? FileContents.read(path, limit: CatalogDocument.longest),
            target.identity.mismatch(here) == nil
        {
            return
        }
        let bytes = try await client.download(target, maximumLength: CatalogDocument.longest)
        _ = try CatalogDocument.decodeSources(bytes)
        try write(bytes, to: path)
    }

    /// Brings what publishers of single distributions say: a target `DISTRO/distribution.json` each, which a role that
    /// the catalog's publisher delegated `DISTRO/*` to has signed.
    /// - Returns: their digests, by id.
    private func refreshDistributions(
        _ source: CatalogSource, _ client: TUFClient
    ) async throws -> [String: String] {
        var digests: [String: String] = [:]
        let main = try CatalogDocument.decode(
            try FileContents.read(documentPath(source), limit: CatalogDocument.longest))
        let kept = Set(Folder.namesIfAny(in: distributionsPath(source)))
        for distribution in main.distributions {
            try Task.checkCancellation()
            let path = "\(distributionsPath(source))/\(distribution.id).json"
            guard let target = try await client.target("\(distribution.id)/distribution.json") else {
                guard kept.contains("\(distribution.id).json") else { continue }
                // Nobody vouches for it any more.
                do { try Paths.remove(path) } catch { throw CatalogAccessError.state(path: path, cause: error) }
                continue
            }
            digests[distribution.id] = target.sha256
            // What cannot be read is fetched and written again.
            if let here = try? FileContents.read(path, limit: CatalogDocument.longest),
                target.identity.mismatch(here) == nil
            {
                continue
            }
            let bytes = try await client.download(target, maximumLength: CatalogDocument.longest)
            _ = try Distribution.decode(bytes, id: distribution.id)
            try write(bytes, to: path)
        }
        return digests
    }

    /// A client that continues from what is trusted and stored. In place of a damaged root it starts again from the first one, which has the
    /// fingerprint that the user trusted; nothing older than what was seen is let in.
    private func client(
        _ source: CatalogSource, _ before: CatalogCopy, _ sighting: SourceSighting
    ) async throws -> TUFClient {
        let bases = before.source.publishersPlaces(before.document?.mirrors ?? [])
        let metadata = TreeSource(
            bases.prefix(source.allowsExpired ? 1 : bases.count).map { $0.appending("metadata/") },
            transfers: transfers, isAbsenceFinal: true, sighting: sighting)
        let targets = TreeSource(bases.map { $0.appending("targets/") }, transfers: transfers, isAbsenceFinal: false)
        let store = DirectoryMetadataStore(path: metadataPath(source))
        let seen = SeenVersions(root: before.trust?.rootVersion ?? 0, timestamp: before.trust?.version ?? 0)
        let isFollowed: Bool
        do {
            isFollowed = try Paths.isThere(sourcePath(source))
        } catch {
            throw CatalogAccessError.state(path: sourcePath(source), cause: error)
        }
        if isFollowed, before.trust == nil {
            // What could not be read just now is not lost.
            if let error = before.error as? CatalogAccessError, case .state = error { throw error }
            if let cause = before.error as? SystemCallError, cause.number != .noSuchFile {
                throw CatalogAccessError.state(path: summaryPath(source), cause: cause)
            }
            throw CatalogAccessError.forgotten(source.name)
        }
        func client(_ root: [UInt8]?) throws(TUFError) -> TUFClient {
            try TUFClient(
                store: store, trustedRoot: root, metadata: metadata, targets: targets, seen: seen,
                now: { source.allowsExpired ? UTCTime(seconds: 0) : UTCTime.now() })
        }
        do {
            return try client(nil)
        } catch {
            guard isFollowed else { throw error }
            switch error {
            case .untrusted, .noTrustedRoot: break
            default: throw error
            }
            guard let trust = before.trust, trust.rootVersion != nil, !trust.fingerprint.isEmpty else {
                throw CatalogAccessError.forgotten(source.name)
            }
            return try client(try await root(of: source, .fingerprint(trust.fingerprint)))
        }
    }

    /// The first root: what the user gave, or what the server has if the user trusts it.
    private func root(of source: CatalogSource, _ trust: CatalogTrust) async throws -> [UInt8] {
        if case .root(let bytes) = trust {
            do {
                try TUFClient.check(root: bytes)
            } catch {
                throw CatalogAccessError.untrusted(
                    catalog: source.name, url: source.shownURL,
                    reason: "the file that you gave is not a tree's metadata/1.root.json: \(error)")
            }
            return bytes
        }
        let tree = TreeSource([TransferPlace(source.url + "metadata/")], transfers: transfers, isAbsenceFinal: true)
        let bytes: [UInt8]
        do throws(RepositorySourceError) {
            bytes = try await tree.fetch("1.root.json", maximumLength: ClientLimits().rootLength)
        } catch {
            switch error {
            case .unreachable(let cause):
                throw CatalogAccessError.unreachable(catalog: source.name, url: source.shownURL, cause: cause)
            case .cancelled: throw CancellationError()
            case .damaged(let reason):
                throw accessError(.untrusted(file: "1.root.json", reason), source)
            case .notFound where !isThere(source): throw unreachable(source)
            case .tooLong: throw CatalogAccessError.notMetadata(catalog: source.name, url: source.shownURL)
            case .notFound:
                throw CatalogAccessError.untrusted(
                    catalog: source.name, url: source.shownURL,
                    reason: "it is not signed: there is no metadata/1.root.json")
            }
        }
        // Nobody is asked to trust the page of a network that wants its users to sign in.
        do {
            try TUFClient.check(root: bytes)
        } catch {
            throw accessError(error, source)
        }
        let fingerprint = FileDigest.sha256(of: bytes).hex
        switch trust {
        case .root: break
        case .fingerprint(let wanted):
            guard wanted.lowercased() == fingerprint else {
                throw CatalogAccessError.untrusted(
                    catalog: source.name, url: source.shownURL,
                    reason: "its root metadata has the fingerprint \(fingerprint), not \(wanted.lowercased())")
            }
        case .ask(let ask):
            guard try await ask(fingerprint) else {
                throw CatalogAccessError.notConfirmed(catalog: source.name, fingerprint: fingerprint)
            }
        }
        return bytes
    }

    /// Empty where it is not there, as in the state of an old version.
    func fingerprint(of source: CatalogSource) throws(CatalogAccessError) -> String {
        let path = fingerprintPath(source)
        do {
            return try FileContents.readText(path, limit: 128)
        } catch  where error.number == .noSuchFile {
            return ""
        } catch {
            throw .state(path: path, cause: error)
        }
    }

    private func sourcePath(_ source: CatalogSource) -> String { "\(folder(source))/source.json" }

    private func fingerprintPath(_ source: CatalogSource) -> String { "\(folder(source))/fingerprint" }
}
