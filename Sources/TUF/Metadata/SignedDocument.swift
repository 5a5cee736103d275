/// A metadata file as it came: who signed, and what. Nothing in it is trusted yet.
package struct SignedDocument: Sendable {
    /// One entry of `signatures`. The text need not be a signature at all: it then verifies nothing.
    package struct Signature: Sendable {
        package let keyID: String
        /// Hexadecimal digits.
        package let value: String

        package init(keyID: String, value: String) {
            self.keyID = keyID
            self.value = value
        }
    }

    package let signatures: [Signature]
    /// The signed part with all its members, those that nobody here knows included.
    package let signed: JSONValue
    /// Canonical JSON of ``signed``: what the signatures are over.
    package let signedBytes: [UInt8]

    /// Reads a file of at most `maximumLength` bytes.
    /// - Throws: ``MetadataFault``.
    package init(_ bytes: [UInt8], maximumLength: Int) throws(MetadataFault) {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONParser.parse(bytes, maximumLength: maximumLength)
        } catch {
            throw .json(error)
        }
        let document = try FieldReader(value, "metadata")
        var signatures: [Signature] = []
        // By their bytes: Swift takes two spellings of a letter for one.
        var keyIDs: Set<[UInt8]> = []
        for value in try document.array("signatures", atMost: 4 * RoleKeys.mostKeys) {
            let entry = try FieldReader(value, "signatures")
            // The specification allows a key one signature, so that nobody has to choose among several.
            guard keyIDs.insert(Array(try entry.string("keyid").utf8)).inserted else {
                throw .repeatedSignature(keyID: try entry.string("keyid"))
            }
            signatures.append(Signature(keyID: try entry.string("keyid"), value: try entry.string("sig")))
        }
        let signed = try document.object("signed")
        self.signatures = signatures
        self.signed = .object(signed.table)
        signedBytes = CanonicalJSON.encode(self.signed)
    }

    /// A document that is being signed.
    package init(signed: JSONValue, signatures: [Signature]) {
        self.signed = signed
        self.signatures = signatures
        signedBytes = CanonicalJSON.encode(signed)
    }

    /// The file.
    package var bytes: [UInt8] {
        let signatures = signatures.map { signature in
            JSONValue.object(["keyid": .string(signature.keyID), "sig": .string(signature.value)])
        }
        return JSONText.encode(.object(["signatures": .array(signatures), "signed": signed]))
    }

    /// The signed part, for reading.
    func fields() throws(MetadataFault) -> FieldReader { try FieldReader(signed, "signed") }
}

/// How many different keys of a role signed a document.
package struct SignatureCount: Sendable, Equatable {
    /// Keys whose signature is right.
    package let valid: Int
    /// How many it takes.
    package let threshold: Int

    /// Whether the document is signed.
    package var isMet: Bool { valid >= threshold }

    /// Checks the signatures of a role's keys.
    ///
    /// A key counts once, however many signatures or key ids it has: an attacker who holds one key must not become two.
    package init(of document: SignedDocument, by role: RoleKeys, among keys: NameTable<PublicKey>) {
        var signers: Set<[UInt8]> = []
        for keyID in role.keyIDs {
            guard let key = keys[keyID], let identity = key.identity, !signers.contains(identity) else { continue }
            let isSigned = document.signatures.contains { signature in
                signature.keyID.utf8.elementsEqual(keyID.utf8)
                    && key.verifies(signature.value, over: document.signedBytes)
            }
            if isSigned { signers.insert(identity) }
        }
        valid = signers.count
        threshold = role.threshold
    }
}
