/// What became of a change.
package enum PublishResult: Sendable {
    /// Readers see it.
    case published
    /// It is kept among the drafts, and nobody sees it until so many of each role's keys signed.
    case waiting([MissingSignatures])

    /// A role that too few keys signed.
    package struct MissingSignatures: Sendable {
        package let role: String
        package let count: SignatureCount
    }

    /// Whether readers see it.
    package var isPublished: Bool { if case .published = self { true } else { false } }
}

/// New versions of some roles, signed by the signers that are available.
struct SigningRound {
    /// By role, with all signatures.
    let documents: NameTable<SignedDocument>
    /// The published root, where there is one, and the new one, where it changes: the last is the one that will count.
    let roots: [RootMetadata]
    /// Roles that too few keys signed.
    let missing: [PublishResult.MissingSignatures]

    init(_ unsigned: NameTable<SignedDocument>, state: RepositoryState?, signers: [any Signer]) throws(RepositoryError)
    {
        var roots = state.map { [$0.root] } ?? []
        if let draft = unsigned["root"] {
            roots.append(try RepositoryState.decode("root.json", draft, RootMetadata.init))
        }
        var documents = unsigned
        var missing: [PublishResult.MissingSignatures] = []
        for entry in unsigned.entries {
            var document = entry.value
            // Whose signatures: those of each one that vouches for the role.
            var vouchers: [(RoleKeys, NameTable<PublicKey>)] = []
            if let role = TopLevelRole(rawValue: entry.name) {
                vouchers = roots.map { ($0.keys(of: role), $0.keys) }
            } else {
                vouchers = try Self.delegations(of: entry.name, in: unsigned, state)
            }
            if vouchers.isEmpty { throw .noSuchRole(entry.name) }
            for (role, keys) in vouchers { document = try document.signed(by: signers, for: role, among: keys) }
            documents[entry.name] = document
            // Of a new root's two sets of keys both must sign it; targets need the new ones alone.
            if entry.name == "targets", let last = vouchers.last { vouchers = [last] }
            let counts = vouchers.map { SignatureCount(of: document, by: $0.0, among: $0.1) }
            if let unmet = counts.first(where: { !$0.isMet }) { missing.append(.init(role: entry.name, count: unmet)) }
        }
        (self.documents, self.roots, self.missing) = (documents, roots, missing)
    }

    /// The keys that any targets role, new or published, names for a delegated one.
    private static func delegations(
        of role: String, in unsigned: NameTable<SignedDocument>, _ state: RepositoryState?
    ) throws(RepositoryError) -> [(RoleKeys, NameTable<PublicKey>)] {
        var found: [(RoleKeys, NameTable<PublicKey>)] = []
        let all = (state?.documents ?? NameTable()).merging(unsigned)
        for entry in all.entries where entry.name == "targets" || TopLevelRole(rawValue: entry.name) == nil {
            let targets = try RepositoryState.decode("\(entry.name).json", entry.value, TargetsMetadata.init)
            guard let delegations = targets.delegations, let keys = delegations.keys(of: role) else { continue }
            found.append((keys, delegations.keys))
        }
        return found
    }

    /// Whether the new root's keys vouch for the published metadata as it is.
    func isStillSigned(_ state: RepositoryState) -> Bool {
        guard let root = roots.last else { return false }
        return [TopLevelRole.timestamp, .snapshot, .targets].allSatisfy { role in
            state.documents[role.rawValue].map { root.signatures(on: $0, for: role).isMet } ?? false
        }
    }

    /// Whether a reader that has only the old root can verify all of it, so that the timestamp may come before the new root.
    func isSignedForOldRoot(timestamp: SignedDocument, snapshot: SignedDocument) -> Bool {
        guard roots.count > 1, let old = roots.first else { return false }
        let targets = documents["targets"].map { old.signatures(on: $0, for: .targets).isMet } ?? true
        return targets && old.signatures(on: timestamp, for: .timestamp).isMet
            && old.signatures(on: snapshot, for: .snapshot).isMet
    }
}
