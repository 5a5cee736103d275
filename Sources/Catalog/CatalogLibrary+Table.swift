import Curl
import Linux
import TUF

/// The tables of vendors that followed catalogs have.
extension CatalogLibrary {
    /// What is stored of a catalog's table.
    package struct KeptTable: Sendable {
        package let catalog: String
        /// Where the catalog's server was when it was last asked: what the table names may be there, or on the internet.
        package let kind: AddressKind
        /// Nil where it cannot be used.
        package let tables: VendorTables?
        /// What is wrong with it, or with a newer one that was refused: a phrase; nil where nothing is.
        package let fault: String?
    }

    /// The table that is stored of a catalog, as it was signed. No server is asked.
    /// - Returns: nil where the catalog has none.
    package func table(of source: CatalogSource) -> KeptTable? {
        // What cannot be told of a catalog is told where it is listed.
        guard let trust = try? summary(source), trust.tableDigest != nil || trust.tableFault != nil else { return nil }
        let host = URLText.host(of: source.url).flatMap { AddressKind(host: $0) }
        let kind = source.url.hasPrefix("file:") ? .internet : trust.sourceKind ?? host ?? .internet
        func kept(_ tables: VendorTables?, _ fault: String?) -> KeptTable {
            KeptTable(catalog: source.name, kind: kind, tables: tables, fault: fault)
        }
        guard let digest = trust.tableDigest else { return kept(nil, trust.tableFault) }
        do {
            let bytes = try keptFile(
                tablePath(source), VendorTables.targetName, digest: digest, source, limit: VendorTables.longest)
            return kept(try VendorTables.decode(bytes), trust.tableFault)
        } catch {
            return kept(nil, "cannot be read: \(words(of: error))")
        }
    }

    /// SHA-256 of the table that is stored of a catalog; nil where it has none.
    package func tableDigest(of source: CatalogSource) -> String? {
        // What cannot be read has none for now.
        (try? summary(source))?.tableDigest
    }

    /// Brings the table, where the publisher has signed one. One that means nothing, or that nobody has, does not take the catalog's systems
    /// away; the network is a matter of the whole catalog, as for its other files.
    /// - Returns: the SHA-256 of what is stored; nil for nothing. Why it is not what is signed, where that is so.
    func refreshTable(
        _ source: CatalogSource, _ client: TUFClient, _ before: TrustSummary?
    ) async throws -> (digest: String?, fault: String?) {
        let path = tablePath(source)
        guard let target = try await client.target(VendorTables.targetName) else {
            // Nobody vouches for it any more.
            do { try Paths.remove(path) } catch { throw CatalogAccessError.state(path: path, cause: error) }
            return (nil, nil)
        }
        // What cannot be read is fetched and written again.
        if let here = try? FileContents.read(path, limit: VendorTables.longest), target.identity.mismatch(here) == nil {
            return (target.sha256, nil)
        }
        func refused(_ reason: String) -> (digest: String?, fault: String?) { (before?.tableDigest, reason) }
        guard let digest = target.sha256 else { return refused("was signed without its SHA-256") }
        do {
            let bytes = try await client.download(target, maximumLength: VendorTables.longest)
            _ = try VendorTables.decode(bytes)
            try write(bytes, to: path)
            return (digest, nil)
        } catch TUFError.targetTooLong(_, let length, let limit) {
            return refused("has \(length) bytes, more than \(limit)")
        } catch TUFError.notFound {
            return refused("was signed, and is not there")
        } catch let error as CatalogError {
            return refused(refusal(by: error))
        }
    }

    private func refusal(by error: CatalogError) -> String {
        switch error {
        case .tooLarge(let size, let limit): "has \(size) bytes, more than \(limit)"
        case .unknownFormat: "is of a format that this program does not know"
        case .malformed(let place, let reason): "is malformed: \(place.isEmpty ? "" : "\(place): ")\(reason)"
        }
    }

    private func tablePath(_ source: CatalogSource) -> String { "\(folder(source))/\(VendorTables.targetName)" }
}
