import Crypto
import CryptoExtras
import Formats
import FoundationEssentials

/// A public key as metadata has it.
///
/// A key of an unknown kind is kept and verifies nothing, so a repository may introduce new kinds.
package struct PublicKey: Sendable {
    /// `ed25519`, `ecdsa`, `ecdsa-sha2-nistp256` or `rsa`.
    package let type: String
    /// `ed25519`, `ecdsa-sha2-nistp256` or `rsassa-pss-sha256`.
    package let scheme: String
    /// The whole object with all its members.
    package let json: JSONValue
    private let verifier: SignatureVerifier?

    init(_ value: JSONValue?, _ path: String) throws(MetadataFault) {
        let fields = try FieldReader(value, path)
        type = try fields.string("keytype")
        scheme = try fields.string("scheme")
        let publicText = try fields.object("keyval").string("public")
        json = .object(fields.table)
        verifier = SignatureVerifier(type: type, scheme: scheme, publicText: publicText)
    }

    /// A key of ours.
    package init(type: String, scheme: String, publicText: String) {
        self.type = type
        self.scheme = scheme
        json = .object([
            "keytype": .string(type), "keyval": .object(["public": .string(publicText)]), "scheme": .string(scheme),
        ])
        verifier = SignatureVerifier(type: type, scheme: scheme, publicText: publicText)
    }

    /// The keys of an object, by their ids.
    static func table(_ fields: FieldReader) throws(MetadataFault) -> NameTable<PublicKey> {
        try fields.table.mapValues { (entry) throws(MetadataFault) in
            try PublicKey(entry.value, fields.path(entry.name))
        }
    }

    /// The id that publishers give a new key: SHA-256 of its canonical JSON. Readers never compute it.
    package var keyID: String { Hexadecimal.string(of: SHA256.hash(data: CanonicalJSON.encode(json))) }

    /// The same bytes for the same key, however it is written; nil when the key verifies nothing.
    var identity: [UInt8]? { verifier?.identity }

    /// Whether the hexadecimal text is this key's signature over the bytes.
    func verifies(_ signature: String, over bytes: [UInt8]) -> Bool {
        guard let verifier, let signature = Hexadecimal.bytes(signature), !signature.isEmpty else { return false }
        return verifier.verifies(signature, over: bytes)
    }
}

/// The three kinds of public keys that can verify.
enum SignatureVerifier: Sendable {
    case ed25519(Curve25519.Signing.PublicKey)
    case ecdsa(P256.Signing.PublicKey)
    case rsa(_RSA.Signing.PublicKey)

    /// nil for a key of another kind, and for text that is not a key.
    init?(type: String, scheme: String, publicText: String) {
        switch (type, scheme) {
        case ("ed25519", "ed25519"):
            guard let raw = Hexadecimal.bytes(publicText),
                // In memory: a text that is not a key verifies nothing, here and below.
                let key = try? Curve25519.Signing.PublicKey(rawRepresentation: raw)
            else { return nil }
            self = .ed25519(key)
        // The specification says "ecdsa"; metadata of its first years has the scheme in both places.
        case ("ecdsa", "ecdsa-sha2-nistp256"), ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"):
            // As above.
            guard let key = try? P256.Signing.PublicKey(pemRepresentation: publicText) else { return nil }
            self = .ecdsa(key)
        case ("rsa", "rsassa-pss-sha256"):
            // As above.
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
            // In memory: what is not a signature is not a right one.
            guard let signature = try? P256.Signing.ECDSASignature(derRepresentation: signature) else { return false }
            return key.isValidSignature(signature, for: bytes)
        case .rsa(let key):
            return key.isValidSignature(.init(rawRepresentation: signature), for: SHA256.hash(data: bytes))
        }
    }
}
