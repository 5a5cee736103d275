import Crypto
import CryptoExtras
import Formats
import TUF
import Testing

/// Who counts as a signer.
@Suite struct SignatureTests {
    private static let signed = JSONValue.object(["a": .string("é"), "b": .integer(1)])

    private static func count(
        _ signatures: [SignedDocument.Signature], ids: [String], threshold: Int, keys: [(String, PublicKey)]
    ) throws -> SignatureCount {
        SignatureCount(
            of: SignedDocument(signed: signed, signatures: signatures),
            by: RoleKeys(keyIDs: ids, threshold: threshold),
            among: try NameTable(keys.map { .init(name: $0.0, value: $0.1) }))
    }

    private static func signature(_ key: SigningKey, _ id: String) throws -> SignedDocument.Signature {
        .init(keyID: id, value: Hexadecimal.string(of: try key.sign(CanonicalJSON.encode(signed))))
    }

    @Test func verifiesAllKindsOfKeys() throws {
        let keys: [SigningKey] = [
            .generate(), .ecdsa(P256.Signing.PrivateKey()), .rsa(try _RSA.Signing.PrivateKey(keySize: .bits2048)),
        ]
        for key in keys {
            let right = try Self.signature(key, "k")
            let count = try Self.count([right], ids: ["k"], threshold: 1, keys: [("k", key.publicKey)])
            #expect(count.isMet, "\(key.publicKey.type)")
            let wrong = SignedDocument.Signature(keyID: "k", value: "00" + right.value.dropFirst(2))
            #expect(try !Self.count([wrong], ids: ["k"], threshold: 1, keys: [("k", key.publicKey)]).isMet)
        }
    }

    /// The conformance suite's cases: the same signature again, one that is wrong before or behind it, and one of a stranger twice.
    @Test(arguments: ["root", "timestamp", "snapshot", "targets", "debian"], [0, 1, 2, 3])
    func refusesTwoSignaturesWithOneKeyID(role: String, kind: Int) async throws {
        let scenario = try Scenario()
        let key = scenario.repository.delegate("debian")
        scenario.repository.publish()
        let path =
            switch role {
            case "root": "2.root.json"
            case "timestamp": "timestamp.json"
            case "snapshot": "2.snapshot.json"
            default: "1.\(role).json"
            }
        scenario.repository.edit { contents in
            var signed = role == "root" ? contents.root : contents.signed[role] ?? .null
            if role == "root" { signed.bump() }
            let right = SimulatedRepository.sign(signed, contents.signers[role] ?? key).signatures
            let wrong = right.map { SignedDocument.Signature(keyID: $0.keyID, value: "00" + $0.value.dropFirst(2)) }
            let stranger = SignedDocument.Signature(keyID: "stranger", value: "00")
            let signatures = [right + right, wrong + right, right + wrong, right + [stranger, stranger]][kind]
            contents.replaced[path] = SignedDocument(signed: signed, signatures: signatures).bytes
        }
        let client = try scenario.client()
        let error = await #expect(throws: TUFError.self) {
            try await client.refresh()
            _ = try await client.target("x")
        }
        guard case .malformed(.repeatedSignature)? = error?.reason else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func takesBothNamesOfTheECDSAKeyType() throws {
        let key = P256.Signing.PrivateKey()
        for type in ["ecdsa", "ecdsa-sha2-nistp256"] {
            let publicKey = PublicKey(
                type: type, scheme: "ecdsa-sha2-nistp256", publicText: key.publicKey.pemRepresentation)
            let signature = try Self.signature(.ecdsa(key), "k")
            #expect(try Self.count([signature], ids: ["k"], threshold: 1, keys: [("k", publicKey)]).isMet)
        }
    }

    @Test func countsTwoSignaturesOfOneKeyOnce() throws {
        // ECDSA signs differently each time.
        let key = SigningKey.ecdsa(P256.Signing.PrivateKey())
        let two = [try Self.signature(key, "k"), try Self.signature(key, "k")]
        #expect(two[0].value != two[1].value)
        #expect(try Self.count(two, ids: ["k"], threshold: 2, keys: [("k", key.publicKey)]).valid == 1)
    }

    @Test func countsOneKeyWithTwoIdsOnce() throws {
        let key = P256.Signing.PrivateKey()
        let spellings = ["ecdsa", "ecdsa-sha2-nistp256"].map { type in
            PublicKey(type: type, scheme: "ecdsa-sha2-nistp256", publicText: key.publicKey.pemRepresentation)
        }
        let signatures = [try Self.signature(.ecdsa(key), "1"), try Self.signature(.ecdsa(key), "2")]
        let count = try Self.count(
            signatures, ids: ["1", "2"], threshold: 2, keys: [("1", spellings[0]), ("2", spellings[1])])
        #expect(count.valid == 1 && !count.isMet)
    }

    @Test func takesKeyIdsAsTheyAre() throws {
        let key = SigningKey.generate()
        let signature = try Self.signature(key, "not a digest at all")
        let keys = [("not a digest at all", key.publicKey)]
        #expect(try Self.count([signature], ids: ["not a digest at all"], threshold: 1, keys: keys).isMet)
    }

    @Test func ignoresSignaturesThatAreNone() throws {
        let key = SigningKey.generate()
        let good = try Self.signature(key, "k")
        let noise = ["", "zz", "0", "00", String(repeating: "ab", count: 5000)].map {
            SignedDocument.Signature(keyID: "k", value: $0)
        }
        #expect(try Self.count(noise, ids: ["k"], threshold: 1, keys: [("k", key.publicKey)]).valid == 0)
        #expect(try Self.count(noise + [good], ids: ["k"], threshold: 1, keys: [("k", key.publicKey)]).isMet)
    }

    @Test func ignoresKeysThatTheRoleDoesNotName() throws {
        let (own, other) = (SigningKey.generate(), SigningKey.generate())
        let signatures = [try Self.signature(other, "other")]
        let keys = [("own", own.publicKey), ("other", other.publicKey)]
        #expect(try Self.count(signatures, ids: ["own"], threshold: 1, keys: keys).valid == 0)
        #expect(try Self.count(signatures, ids: ["missing"], threshold: 1, keys: keys).valid == 0)
    }

    @Test func keepsKeysOfUnknownKinds() throws {
        let key = PublicKey(type: "ml-dsa", scheme: "ml-dsa-44", publicText: "…")
        let signature = SignedDocument.Signature(keyID: "k", value: "abcd")
        #expect(try Self.count([signature], ids: ["k"], threshold: 1, keys: [("k", key)]).valid == 0)
    }

    @Test func needsAsManyKeysAsTheThresholdOfARole() async throws {
        let scenario = try Scenario()
        let keys = (0..<3).map { _ in SigningKey.generate() }
        scenario.repository.edit { SimulatedRepository.setKeys(of: "snapshot", keys, threshold: 3, in: &$0) }
        scenario.repository.publishRoot()
        scenario.repository.edit { $0.signers["snapshot"] = [keys[0], keys[1]] }
        guard case .signatures(let count)? = try await scenario.failure()?.reason else {
            Issue.record("the threshold was ignored")
            return
        }
        #expect(count.valid == 2 && count.threshold == 3)
        scenario.repository.edit { $0.signers["snapshot"] = keys }
        try await scenario.refresh()
    }
}
