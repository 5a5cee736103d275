import FoundationEssentials
import TUF

/// What a refresh found out about the trusted metadata, for those who have no time to verify it all again: `trust.json`.
package struct TrustSummary: Sendable, Equatable, Codable {
    /// SHA-256 of the first trusted root's bytes.
    package let fingerprint: String
    /// When the first of the top-level roles expires, RFC 3339.
    package let expires: Timestamp
    /// The timestamp role's version: grows with every change of the catalog.
    package let version: Int
    /// SHA-256 of the catalog that belongs to it.
    package let catalogDigest: String
    /// The root role's version; nil in what older programs wrote.
    package var rootVersion: Int?
    /// SHA-256 of what publishers of single distributions say, by the distribution's id; nil in what older programs wrote.
    package var distributionDigests: [String: String]?
}
