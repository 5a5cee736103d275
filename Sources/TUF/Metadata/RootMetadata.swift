/// The four roles that every repository has.
package enum TopLevelRole: String, Sendable, CaseIterable {
    case root
    case timestamp
    case snapshot
    case targets
}

/// Who may sign for a role, and how many of them must.
package struct RoleKeys: Sendable, Equatable {
    /// Ids as the metadata gives them; nothing is computed from them.
    package var keyIDs: [String]
    /// At least 1.
    package var threshold: Int

    package init(keyIDs: [String], threshold: Int) {
        self.keyIDs = keyIDs
        self.threshold = threshold
    }

    /// The most keys of one role, and the most signatures on one file that are read: each may have to be verified.
    static let mostKeys = 256

    init(_ role: FieldReader) throws(MetadataFault) {
        keyIDs = try role.strings("keyids", atMost: RoleKeys.mostKeys)
        threshold = try role.integer("threshold", atLeast: 1)
        guard Set(keyIDs).count == keyIDs.count else { throw .field(role.path("keyids")) }
    }

    /// As metadata has it.
    var json: JSONValue {
        .object(["keyids": .array(keyIDs.map { .string($0) }), "threshold": .integer(threshold)])
    }
}

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
