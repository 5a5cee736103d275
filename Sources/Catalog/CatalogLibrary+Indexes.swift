import Linux
import TUF

/// Indexes and boot sets: fetched when somebody needs them, kept, and compared with what the publisher signed before they are used.
extension CatalogLibrary {
    /// Bytes of a boot set that a server may send: 262,144 lines of 65 bytes, and the header.
    private static let bootSetLimit = 64 + 262_144 * 65

    /// The local path of a version's index, as its publisher signed it: fetched when it is not stored yet, or no longer matches.
    ///
    /// The image's digest in its name keeps apart a tree that was made again with the same version ids.
    /// - Parameter elsewhere: a path for the caller's own copy where the state cannot be written; nil to fail then.
    /// - Throws: ``CatalogAccessError``.
    package func index(of version: ChosenVersion, elsewhere: String? = nil) async throws -> String {
        let path = indexPath(version.source, version.distribution, version.version)
        return try await bring(
            version.version.index, of: version, to: path, elsewhere: elsewhere, limit: CatalogDocument.longestIndex)
    }

    /// The path of a version's published boot set here, as ``index(of:)``; nil where none was published.
    /// - Throws: ``CatalogAccessError``.
    package func bootSet(of version: ChosenVersion) async throws -> String? {
        guard let name = version.version.bootSet else { return nil }
        let path = bootSetPath(version.source, version.distribution, version.version)
        return try await bring(name, of: version, to: path, limit: CatalogLibrary.bootSetLimit)
    }

    /// Where a version's index is stored once it was fetched. What lies there is not verified.
    package func indexPath(_ source: CatalogSource, _ distribution: Distribution, _ version: DistributionVersion)
        -> String
    {
        let digest = version.digest.map { String($0.description.suffix(16)) } ?? "\(version.size)"
        return "\(indexesPath(source))/\(distribution.id)/\(version.id).\(digest).caibx"
    }

    /// Where a version's published boot set is once it was fetched.
    package func bootSetPath(_ source: CatalogSource, _ distribution: Distribution, _ version: DistributionVersion)
        -> String
    {
        String(indexPath(source, distribution, version).dropLast("caibx".count)) + "bootset"
    }

    /// The ids of a distribution's versions whose index is stored: one look at a folder, however many versions there are.
    package func versionsWithIndex(_ source: CatalogSource, _ distribution: Distribution) -> Set<String> {
        var ids: Set<String> = []
        for name in Folder.namesIfAny(in: "\(indexesPath(source))/\(distribution.id)") where name.hasSuffix(".caibx") {
            // VERSION.DIGEST.caibx, where a version may hold a dot.
            let parts = name.split(separator: ".")
            ids.insert(parts.dropLast(2).joined(separator: "."))
        }
        return ids
    }

    func indexesPath(_ source: CatalogSource) -> String { "\(folder(source))/indexes" }

    /// Brings a file that the publisher has signed, unless it is here.
    /// - Returns: where it is.
    func bring(
        _ name: String, of version: ChosenVersion, to path: String, elsewhere: String? = nil, limit: Int
    ) async throws -> String {
        let source = version.source
        let signed = try await signedTarget(name, source, limit: limit)
        let kept = try await WorkerThread.run(name: "kept files") { try self.digest(of: path) }
        if let kept, kept == signed.sha256 { return path }
        do {
            let bytes = try await bytes(of: signed, version)
            return try await WorkerThread.run(name: "kept files") {
                do {
                    try self.write(bytes, to: path)
                    return path
                } catch {
                    guard let elsewhere else { throw error }
                    try AtomicFile.write(bytes, to: elsewhere, mode: 0o600)
                    return elsewhere
                }
            }
        } catch let error as CatalogAccessError where kept != nil {
            // Else it would seem that nothing is wrong but the network.
            if case .state = error { throw error }
            throw CatalogAccessError.damaged(path: path, cause: error)
        }
    }

    /// SHA-256 of a file here; nil when there is none.
    private func digest(of path: String) throws(CatalogAccessError) -> String? {
        do {
            return try known.sha256(of: path)
        } catch {
            throw .state(path: path, cause: error)
        }
    }
}
