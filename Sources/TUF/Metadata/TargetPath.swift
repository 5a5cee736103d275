import Crypto
import Formats

/// A target's name, prepared to be matched with many delegations.
struct TargetPath {
    /// Between the slashes.
    let parts: [[Unicode.Scalar]]
    /// SHA-256 of the name's bytes, 64 lower-case digits.
    let digest: String

    init(_ name: String) {
        parts = name.unicodeScalars.split(separator: "/", omittingEmptySubsequences: false).map(Array.init)
        digest = Hexadecimal.string(of: SHA256.hash(data: Array(name.utf8)))
    }
}
