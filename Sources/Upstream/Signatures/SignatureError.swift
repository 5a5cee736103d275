/// Why it is not known that a vendor signed something.
package enum SignatureError: Error, Sendable, Hashable {
    /// The machine has no program that verifies this kind; the package that has it.
    case noVerifier(package: String)
    /// A good or bad signature of somebody else; `found` is the key's id, or fingerprint, as far as the signature tells.
    case unknownKey(found: String?, wanted: [String])
    /// The bytes are not those that were signed.
    case bad
    /// Signed when the key had already expired; days as `2026-11-30`.
    case expiredKey(fingerprint: String, expired: String)
    case revokedKey(fingerprint: String)
    /// What should be a signature, or a signed text, is none. A phrase that says what it is instead.
    case malformed(String)
    /// The key could not be fetched. The cause in words.
    case keyUnavailable(url: String, cause: String)
    /// What was fetched has no key with the pinned fingerprint.
    case otherKey(url: String, wanted: String)
    /// The verifier could not be run, or did not end in time.
    case verifierFailed(program: String, cause: String)

    /// Whether another try may go better without anybody changing a table: nothing contradicts what is pinned.
    package var isPassing: Bool {
        switch self {
        case .noVerifier, .keyUnavailable, .verifierFailed: true
        case .unknownKey, .bad, .expiredKey, .revokedKey, .malformed, .otherKey: false
        }
    }

    /// Whether the vendor may have made the signature with what a copy of its key that was kept does not have: a new subkey, or a
    /// later end.
    package var asksForNewerKeys: Bool {
        switch self {
        case .unknownKey, .expiredKey: true
        default: false
        }
    }
}

extension SignatureError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noVerifier(let package):
            "no program that verifies this signature is installed; install the package \(package)"
        case .unknownKey(let found, let wanted):
            "signed by \(found.map { "the key \($0)" } ?? "another key"), not by \(wanted.joined(separator: " or ")). If "
                + "the vendor has changed keys, an update of the table of vendors says so; until then, do not trust the file"
        case .bad:
            "the signature does not match: these are not the bytes that the vendor signed. Try another mirror, or later"
        case .expiredKey(let fingerprint, let expired):
            "signed after the key \(fingerprint) expired on \(expired); an update of the table of vendors may have a newer key"
        case .revokedKey(let fingerprint):
            "signed by the key \(fingerprint), which its owner has revoked; an update of the table of vendors may have a newer key"
        case .malformed(let what): "no signature that can be verified: \(what)"
        case .keyUnavailable(let url, let cause):
            "the vendor's key could not be fetched from \(url): \(cause). Try again later"
        case .otherKey(let url, let wanted):
            "\(url) does not have the key \(wanted). If the vendor has changed keys, an update of the table of vendors says so"
        case .verifierFailed(let program, let cause): "\(program) did not verify the signature: \(cause). Try again"
        }
    }
}
