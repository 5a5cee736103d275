/// The root of trust: the keys of the four roles.
package struct RootMetadata: Sendable {
    package let header: MetadataHeader
    /// Whether file names carry version or digest.
    package let consistentSnapshot: Bool
    /// All keys, by id.
    package let keys: NameTable<PublicKey>
    /// Present for all four.
    private let roles: [TopLevelRole: RoleKeys]

    /// - Throws: ``MetadataFault``.
    package init(_ document: SignedDocument) throws(MetadataFault) {
        let signed = try document.fields()
        header = try MetadataHeader(signed, type: "root")
        consistentSnapshot =
            signed.table["consistent_snapshot"] == nil ? false : try signed.bool("consistent_snapshot")
        keys = try PublicKey.table(try signed.object("keys"))
        let listed = try signed.object("roles")
        // A role of an unknown name would be one that nobody here checks.
        guard listed.table.entries.count == TopLevelRole.allCases.count else { throw .field(signed.path("roles")) }
        var roles: [TopLevelRole: RoleKeys] = [:]
        for role in TopLevelRole.allCases { roles[role] = try RoleKeys(try listed.object(role.rawValue)) }
        self.roles = roles
    }

    /// Who signs for a role.
    package func keys(of role: TopLevelRole) -> RoleKeys {
        // Reading requires all four; a role without keys verifies nothing.
        roles[role] ?? RoleKeys(keyIDs: [], threshold: .max)
    }

    /// Whether enough of a role's keys signed the document.
    func signatures(on document: SignedDocument, for role: TopLevelRole) -> SignatureCount {
        SignatureCount(of: document, by: keys(of: role), among: keys)
    }
}
