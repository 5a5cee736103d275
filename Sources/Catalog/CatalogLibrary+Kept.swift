import ContentAddress
import Curl
import Formats
import Linux
import TUF

/// What is stored of a catalog, compared with what its publisher signed.
extension CatalogLibrary {
    /// What the trusted metadata says about a target. Stored metadata that is damaged is fetched again first.
    /// - Throws: ``CatalogAccessError``.
    func signedTarget(_ name: String, _ source: CatalogSource, limit: Int) async throws -> TargetFile {
        if let target = try keptTarget(name, source) { return try checked(target, source, limit: limit) }
        let missing = CatalogAccessError.untrusted(
            catalog: source.name, url: source.shownURL, reason: "its publisher did not sign \(name)")
        // Once, whatever else is missing.
        guard known.isNews(in: DirectoryMetadataStore(path: metadataPath(source))) else { throw missing }
        let copy = await refreshed(source)
        if !copy.isCurrent, let error = copy.error { throw error }
        guard let target = try keptTarget(name, source) else { throw missing }
        return try checked(target, source, limit: limit)
    }

    private func checked(_ target: TargetFile, _ source: CatalogSource, limit: Int) throws -> TargetFile {
        guard target.sha256 != nil, target.length <= limit else {
            throw CatalogAccessError.untrusted(
                catalog: source.name, url: source.shownURL,
                reason: target.length > limit
                    ? "\(target.name) has \(target.length) bytes, more than \(limit)"
                    : "its publisher signed \(target.name) without its SHA-256")
        }
        return target
    }

    /// nil where no stored and trusted role names it.
    private func keptTarget(_ name: String, _ source: CatalogSource) throws -> TargetFile? {
        do {
            return try known.trustedState(in: DirectoryMetadataStore(path: metadataPath(source))).target(name)
        } catch .state(let cause) {
            throw CatalogAccessError.state(path: metadataPath(source), cause: cause)
        } catch {
            return nil
        }
    }

    /// The bytes of a file here that came with the catalog.
    /// - Parameter digest: what was written down when it came; nil or empty where it was not.
    /// - Throws: ``CatalogAccessError/damaged(path:cause:)``, ``SystemCallError``.
    func keptFile(
        _ path: String, _ name: String, digest: String?, _ source: CatalogSource, limit: Int = CatalogDocument.longest
    ) throws -> [UInt8] {
        let bytes = try FileContents.read(path, limit: limit)
        if let digest, !digest.isEmpty, FileDigest.sha256(of: bytes).hex == digest { return bytes }
        // What was written down is for speed; another process may be about to write it again. What is signed decides.
        guard let signed = try keptTarget(name, source), signed.identity.mismatch(bytes) == nil else {
            throw CatalogAccessError.damaged(path: path, cause: nil)
        }
        return bytes
    }

    /// What the signed metadata here says; nil where it does not say it.
    func signedSummary(
        _ source: CatalogSource, distributionDigests: [String: String]?, sourceKind: AddressKind? = nil
    ) throws -> TrustSummary? {
        guard let target = try keptTarget("catalog.json", source) else { return nil }
        let trusted = try known.trustedState(in: DirectoryMetadataStore(path: metadataPath(source)))
        guard let timestamp = trusted.timestamp else { return nil }
        return TrustSummary(
            fingerprint: try fingerprint(of: source),
            expires: Timestamp(seconds: Int64(trusted.expires.seconds)),
            version: timestamp.header.version,
            catalogDigest: target.sha256 ?? "",
            sourcesDigest: try keptTarget(CatalogDocument.sourcesName, source).map { $0.sha256 ?? "" },
            tableDigest: try keptTarget(VendorTables.targetName, source).map { $0.sha256 ?? "" },
            rootVersion: trusted.root.header.version,
            distributionDigests: distributionDigests, sourceKind: sourceKind)
    }

    /// The bytes of a target from the first place that gives the right ones.
    /// - Throws: ``CatalogAccessError``.
    func bytes(of target: TargetFile, _ version: ChosenVersion) async throws -> [UInt8] {
        let path = TargetName.path(of: target.name, digest: target.sha256 ?? "")
        let bases = version.source.places(version.document.mirrors).map { $0.appending("targets/") }
        let places = TreeSource(bases, transfers: transfers, isAbsenceFinal: false)
        do throws(RepositorySourceError) {
            return try await places.fetch(
                PercentEncoding.urlPath(of: path), maximumLength: target.length
            ) { target.identity.mismatch($0) }
        } catch {
            let failure: TUFError =
                switch error {
                case .notFound: .notFound(file: target.name)
                case .tooLong: .untrusted(file: target.name, .tooLong(limit: target.length))
                case .damaged(let reason): .untrusted(file: target.name, reason)
                case .unreachable(let cause): .unreachable(file: target.name, cause: cause)
                case .cancelled: .cancelled
                }
            throw accessError(failure, version.source)
        }
    }
}
