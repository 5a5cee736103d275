import Curl
import Linux
import TUF

/// Why a catalog, or something that it should name, is unavailable.
package enum CatalogAccessError: Error, Sendable {
    case invalidName(String)
    /// Programs themselves use the name.
    case reservedName(String)
    case invalidLocation(String, reason: String)
    /// The URL, shown without them, contained a user name or a password.
    case credentials(in: String)
    /// The server did not give `url`, and no copy is stored.
    case unreachable(catalog: String, url: String, cause: any Error)
    /// The tree must not be used. `reason` is a phrase for the user.
    case untrusted(catalog: String, url: String, reason: String)
    /// The server answered with something that is not signed metadata at all: a web page, such as that of a network that wants its
    /// users to sign in.
    case notMetadata(catalog: String, url: String)
    /// What the publisher signed must not be trusted any more since then; a clock that runs ahead looks the same.
    case expired(catalog: String, url: String, since: Timestamp)
    /// The server did not say in time what is new.
    case slow(catalog: String, url: String)
    /// Each file of the catalog came in time, but all of them together did not.
    case endless(catalog: String, url: String, seconds: Int)
    /// The user did not confirm the fingerprint, or nobody could be asked.
    case notConfirmed(catalog: String, fingerprint: String)
    case noCatalogs
    case noSuchCatalog(String, near: [String])
    case noSuchDistribution(String, near: [String])
    case noSuchVersion(distribution: String, version: String, near: [String])
    /// Its publisher took the version back.
    case withdrawn(distribution: String, WithdrawnVersion, newest: String?)
    /// Several catalogs have the distribution; the user must say `CATALOG/DISTRO`.
    case ambiguous(String, catalogs: [String])
    case exists(String)
    /// A stored file is no longer what the publisher signed, and could not be fetched again for the reason in `cause`; nil where
    /// nobody was asked.
    case damaged(path: String, cause: (any Error)?)
    /// So much of the stored trust is damaged that an older catalog could not be told from a newer one.
    case forgotten(_ catalog: String)
    /// A file of the catalog's stored state cannot be read or written.
    case state(path: String, cause: any Error)
}

/// What went wrong with a catalog's signed metadata, as its user is told.
extension CatalogLibrary {
    /// False for a folder that is not there: a stick that was pulled is not a tree whose metadata was taken away.
    func isThere(_ source: CatalogSource) -> Bool {
        guard let path = URLText.path(ofFile: source.url) else { return true }
        // What cannot be seen cannot be reached.
        return (try? Paths.isThere(path)) ?? false
    }

    func unreachable(_ source: CatalogSource) -> CatalogAccessError {
        .unreachable(
            catalog: source.name, url: source.shownURL,
            cause: SystemCallError(
                .noSuchFile, call: "open", subject: URLText.path(ofFile: source.url) ?? source.shownURL))
    }

    func accessError(_ error: TUFError, _ source: CatalogSource) -> CatalogAccessError {
        let (catalog, url) = (source.name, source.shownURL)
        return switch error {
        case .unreachable(_, let cause): .unreachable(catalog: catalog, url: url, cause: cause)
        case .cancelled: .unreachable(catalog: catalog, url: url, cause: CancellationError())
        case .expired(_, let since):
            .expired(catalog: catalog, url: url, since: Timestamp(seconds: Int64(since.seconds)))
        case .state(let cause): .state(path: metadataPath(source), cause: cause)
        case .busy:
            .state(
                path: metadataPath(source),
                cause: SystemCallError(.wouldBlock, call: "flock", subject: metadataPath(source)))
        case .notFound where !isThere(source): unreachable(source)
        case .notFound(file: "timestamp.json"):
            .untrusted(
                catalog: catalog, url: url, reason: "there is no published tree: it has no metadata/timestamp.json")
        case .notFound(let file):
            .untrusted(catalog: catalog, url: url, reason: "what its publisher signed is missing: \(file)")
        case .rolledBack:
            .untrusted(catalog: catalog, url: url, reason: "\(error): somebody may be keeping updates from you")
        case .untrusted(_, .malformed(let fault)) where fault.isSomethingElse:
            .notMetadata(catalog: catalog, url: url)
        // These two come before anything says how long they are; pages are longer than they ever get.
        case .untrusted(let file, .tooLong) where file == "timestamp.json" || file.hasSuffix(".root.json"):
            .notMetadata(catalog: catalog, url: url)
        case .untrusted, .noTrustedRoot, .unsafeName, .targetTooLong:
            .untrusted(catalog: catalog, url: url, reason: "\(error)")
        }
    }
}
