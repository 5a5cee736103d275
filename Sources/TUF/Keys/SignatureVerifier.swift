import Crypto
import CryptoExtras
import Formats
import FoundationEssentials

/// The three kinds of public keys that can verify.
enum SignatureVerifier: Sendable {
    case ed25519(Curve25519.Signing.PublicKey)
    case ecdsa(P256.Signing.PublicKey)
    case rsa(_RSA.Signing.PublicKey)

    /// nil for a key of another kind, and for text that is no key.
    init?(type: String, scheme: String, publicText: String) {
        switch (type, scheme) {
        case ("ed25519", "ed25519"):
            guard let raw = Hexadecimal.bytes(publicText),
                let key = try? Curve25519.Signing.PublicKey(rawRepresentation: raw)
            else { return nil }
            self = .ed25519(key)
        // The specification says "ecdsa"; metadata of its first years has the scheme in both places.
        case ("ecdsa", "ecdsa-sha2-nistp256"), ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"):
            guard let key = try? P256.Signing.PublicKey(pemRepresentation: publicText) else { return nil }
            self = .ecdsa(key)
        case ("rsa", "rsassa-pss-sha256"):
            guard let key = try? _RSA.Signing.PublicKey(pemRepresentation: publicText) else { return nil }
            self = .rsa(key)
        default: return nil
        }
    }

    /// Equal for one key in two spellings.
    var identity: [UInt8] {
        switch self {
        case .ed25519(let key): [1] + key.rawRepresentation
        case .ecdsa(let key): [2] + key.rawRepresentation
        case .rsa(let key): [3] + key.derRepresentation
        }
    }

    func verifies(_ signature: [UInt8], over bytes: [UInt8]) -> Bool {
        switch self {
        case .ed25519(let key): return key.isValidSignature(signature, for: bytes)
        case .ecdsa(let key):
            guard let signature = try? P256.Signing.ECDSASignature(derRepresentation: signature) else { return false }
            return key.isValidSignature(signature, for: bytes)
        case .rsa(let key):
            return key.isValidSignature(.init(rawRepresentation: signature), for: SHA256.hash(data: bytes))
        }
    }
}
