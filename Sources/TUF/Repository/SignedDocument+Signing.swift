import Formats

extension SignedDocument {
    /// The document with the signatures of those signers that a role names and that did not sign yet.
    /// - Throws: ``RepositoryError/signing(cause:)``.
    package func signed(
        by signers: [any Signer], for role: RoleKeys, among keys: NameTable<PublicKey>
    ) throws(RepositoryError) -> SignedDocument {
        var signatures = signatures
        for id in role.keyIDs {
            guard let key = keys[id], let signer = signers.first(where: { $0.publicKey.identity == key.identity }),
                key.identity != nil
            else { continue }
            let hasSigned = signatures.contains { signature in
                signature.keyID.utf8.elementsEqual(id.utf8) && key.verifies(signature.value, over: signedBytes)
            }
            if hasSigned { continue }
            do {
                let value = Hexadecimal.string(of: try signer.sign(signedBytes))
                signatures.removeAll { $0.keyID.utf8.elementsEqual(id.utf8) }
                signatures.append(Signature(keyID: id, value: value))
            } catch {
                throw .signing(cause: error)
            }
        }
        return SignedDocument(signed: signed, signatures: signatures)
    }

    /// The signed part's version.
    var version: Int { signed.object?["version"]?.integer ?? 0 }

    /// An unsigned next version.
    func next(version: Int? = nil, expires: JSONValue, edit: (inout NameTable<JSONValue>) -> Void = { _ in })
        -> SignedDocument
    {
        var table = signed.object ?? NameTable()
        table["version"] = .integer(version ?? self.version + 1)
        table["expires"] = expires
        edit(&table)
        return SignedDocument(signed: .object(table), signatures: [])
    }

    /// Version 1 of a role, unsigned.
    static func first(_ type: String, expires: JSONValue, _ members: KeyValuePairs<String, JSONValue>) -> SignedDocument
    {
        var table = NameTable<JSONValue>()
        table["_type"] = .string(type)
        table["spec_version"] = .string("1.0.31")
        table["version"] = .integer(1)
        table["expires"] = expires
        for (name, value) in members { table[name] = value }
        return SignedDocument(signed: .object(table), signatures: [])
    }
}
