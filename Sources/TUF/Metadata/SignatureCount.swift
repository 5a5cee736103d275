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
