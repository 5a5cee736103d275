import Crypto
import CryptoExtras
import Formats
import FoundationEssentials

/// Something that signs metadata: a key in memory, or a device that keeps its key to itself.
package protocol Signer: Sendable {
    /// The key that verifies what it signs.
    var publicKey: PublicKey { get }

    /// The signature over the bytes.
    /// - Throws: what the key's owner gives for a reason.
    func sign(_ bytes: [UInt8]) throws -> [UInt8]
}

/// A private key in memory, of one of the three kinds that every client verifies.
package enum SigningKey: Signer {
    case ed25519(Curve25519.Signing.PrivateKey)
    case ecdsa(P256.Signing.PrivateKey)
    case rsa(_RSA.Signing.PrivateKey)

    /// A new Ed25519 key: short signatures and nothing to choose wrong.
    package static func generate() -> SigningKey { .ed25519(Curve25519.Signing.PrivateKey()) }

    /// Reads a PKCS#8 `PRIVATE KEY`; nil when it is none of the three kinds.
    package init?(pem: String) {
        // Which kind it is shows in which one takes it.
        if let key = try? Curve25519.Signing.PrivateKey(pemRepresentation: pem) {
            self = .ed25519(key)
            // As above.
        } else if let key = try? P256.Signing.PrivateKey(pemRepresentation: pem) {
            self = .ecdsa(key)
            // As above.
        } else if let key = try? _RSA.Signing.PrivateKey(pemRepresentation: pem) {
            self = .rsa(key)
        } else {
            return nil
        }
    }

    /// PKCS#8, DER.
    var pkcs8: [UInt8] {
        switch self {
        case .ed25519(let key): [UInt8](key.derRepresentation)
        case .ecdsa(let key): [UInt8](key.derRepresentation)
        case .rsa(let key): [UInt8](key.pkcs8DERRepresentation)
        }
    }

    package var publicKey: PublicKey {
        switch self {
        case .ed25519(let key):
            PublicKey(
                type: "ed25519", scheme: "ed25519", publicText: Hexadecimal.string(of: key.publicKey.rawRepresentation))
        case .ecdsa(let key):
            PublicKey(
                type: "ecdsa", scheme: "ecdsa-sha2-nistp256", publicText: key.publicKey.pemRepresentation + "\n")
        case .rsa(let key):
            PublicKey(type: "rsa", scheme: "rsassa-pss-sha256", publicText: key.publicKey.pemRepresentation + "\n")
        }
    }

    package func sign(_ bytes: [UInt8]) throws -> [UInt8] {
        switch self {
        case .ed25519(let key): [UInt8](try key.signature(for: bytes))
        case .ecdsa(let key): [UInt8](try key.signature(for: bytes).derRepresentation)
        case .rsa(let key): [UInt8](try key.signature(for: SHA256.hash(data: bytes)).rawRepresentation)
        }
    }
}
