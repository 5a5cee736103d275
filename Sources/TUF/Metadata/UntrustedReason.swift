/// Why bytes that came are not trusted.
package enum UntrustedReason: Sendable, Equatable {
    /// Fewer keys signed than the role needs.
    case signatures(SignatureCount)
    /// Not what such metadata may say.
    case malformed(MetadataFault)
    /// Another length than the metadata above it gives.
    case length(expected: Int, found: Int)
    /// More bytes came than may; reading stopped there.
    case tooLong(limit: Int)
    /// Another digest than the metadata above it gives.
    case digest(algorithm: String)
    /// Digests of unknown algorithms only.
    case noKnownDigest
    /// Another version than the metadata above it gives: files of different times are mixed.
    case version(expected: Int, found: Int)
    /// The snapshot does not list the role's file, or lists it no longer.
    case notInSnapshot(file: String)
    /// It delegates names to so many roles, or in such a way, that nobody can look through them in a reasonable time.
    case endlessDelegations
}

extension UntrustedReason: CustomStringConvertible {
    package var description: String {
        switch self {
        case .signatures(let count): "\(count.valid) of \(count.threshold) signatures"
        case .malformed(let fault): "malformed, \(fault)"
        case .length(let expected, let found): "\(found) bytes instead of \(expected)"
        case .tooLong(let limit): "more than \(limit) bytes"
        case .digest(let algorithm): "a different \(algorithm) digest"
        case .noKnownDigest: "no digest of a known algorithm"
        case .version(let expected, let found): "version \(found) instead of \(expected)"
        case .notInSnapshot(let file): "the snapshot does not list \(file)"
        case .endlessDelegations: "it delegates to too many roles, or by patterns that take too long to compare"
        }
    }
}
