import Crypto
import CryptoExtras
import Formats
import FoundationEssentials

/// A public key as metadata has it.
///
/// A key of a kind that is not known here is kept and verifies nothing, so a repository may bring in new kinds.
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
