/// Why a catalog, or something it should name, is not to be had.
package enum CatalogAccessError: Error, Sendable {
    case invalidName(String)
    case invalidLocation(String, reason: String)
    /// The server did not give `url`, and there is no copy here.
    case unreachable(catalog: String, url: String, cause: any Error)
    /// The tree must not be used. `reason` is a phrase for the user.
    case untrusted(catalog: String, url: String, reason: String)
    /// The server answered with something that is no signed metadata at all: a web page, such as that of a network that wants its
    /// users to sign in.
    case notMetadata(catalog: String, url: String)
    /// What the publisher signed must not be believed any more since then; a clock that runs ahead looks the same.
    case expired(catalog: String, url: String, since: Timestamp)
    /// The server did not say in time what is new.
    case slow(catalog: String, url: String)
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
    /// A file here is not what the publisher signed any more, and could not be brought again for the reason in `cause`; nil where
    /// nobody was asked.
    case damaged(path: String, cause: (any Error)?)
    /// So much of what was trusted is damaged here that an older catalog could not be told from a newer one.
    case forgotten(_ catalog: String)
    /// A file of the catalog's state here cannot be read or written.
    case state(path: String, cause: any Error)
}
