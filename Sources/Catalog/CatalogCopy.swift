import Curl
import FoundationEssentials
import TUF

/// What is known locally about one catalog, and how sure that is.
package struct CatalogCopy: Sendable {
    /// How the copy stands to the server.
    package enum State: String, Sendable, Codable {
        /// As the server gave it just now or a moment ago.
        case fresh
        /// An earlier copy; the server was not asked.
        case stale
        /// The publisher's signature on it is too old; what is stored was trusted, and may still be booted.
        case expired
        /// The server did not answer; the copy, if any, is from earlier.
        case unreachable
        /// Refused: what is stored was trusted before, and is not booted from until its server can be trusted again.
        case untrusted
    }

    package let source: CatalogSource
    package let state: State
    /// Nil when there is no copy.
    package let document: CatalogDocument?
    /// What was trusted last; nil before the first refresh.
    package let trust: TrustSummary?
    /// Why `state` is not fresh, for the user.
    package let error: (any Error)?
    /// Other names of distributions, each with the id that it stands for: `ubuntu` for the newest long-term release.
    package var aliases: [String: String] = [:]

    /// Whether it is what the publisher's tree has: fresh, or expired where the source may be.
    package var isCurrent: Bool {
        if case CatalogAccessError.expired? = error, source.allowsExpired { return document != nil }
        return state == .fresh
    }

    /// When and why a version was taken back; nil where it was not, or nobody knows.
    package func withdrawal(of distribution: String, _ version: String) -> WithdrawnVersion? {
        document?.distribution(distribution)?.withdrawn.first { $0.id.text == version }
    }

    package init(
        source: CatalogSource, state: State, document: CatalogDocument?, trust: TrustSummary? = nil,
        error: (any Error)? = nil
    ) {
        var source = source
        source.kind = trust?.sourceKind ?? source.kind
        self.source = source
        self.state = state
        self.document = document
        self.trust = trust
        self.error = error
    }
}

/// What a refresh found out about the trusted metadata, for callers that have no time to verify it all again: `trust.json`.
package struct TrustSummary: Sendable, Equatable, Codable {
    /// SHA-256 of the first trusted root's bytes.
    package let fingerprint: String
    /// When the first of the top-level roles expires, RFC 3339.
    package let expires: Timestamp
    /// The timestamp role's version: grows with every change of the catalog.
    package let version: Int
    /// SHA-256 of the catalog that belongs to it.
    package let catalogDigest: String
    /// SHA-256 of its `sources.json`; nil where it has none, and in what older programs wrote.
    package var sourcesDigest: String?
    /// SHA-256 of the table of vendors that is stored of it, ``VendorTables``; nil where there is none, and in what older programs wrote.
    package var tableDigest: String?
    /// Why the table that its publisher has signed is not the one that is stored: a phrase; nil where it is.
    package var tableFault: String?
    /// The root role's version; nil in what older programs wrote.
    package var rootVersion: Int?
    /// SHA-256 of what publishers of single distributions say, by the distribution's id; nil in what older programs wrote.
    package var distributionDigests: [String: String]?
    /// Where the source's server was; nil where only a proxy knew, for folders, and in what older programs wrote.
    package var sourceKind: AddressKind?
}
