import Formats
import Linux

/// The publisher's side of The Update Framework: a tree of static files, with consistent snapshots.
///
/// A reader of the tree sees the state before a change or the one after it: every file but `timestamp.json` has a name of
/// its own, and that one is renamed into its place last. All calls block.
package struct TUFRepository: Sendable {
    let folder: RepositoryFolder

    /// The repository's folder, without a slash at its end.
    package var path: String { folder.path }

    let lifetimes: RepositoryLifetimes
    let now: @Sendable () -> UTCTime
    /// What clients take: longer metadata is not signed.
    package var limits = ClientLimits()

    /// A repository in a folder, which ``create(roles:signers:)`` makes one or which is one already.
    package init(
        path: String, lifetimes: RepositoryLifetimes = RepositoryLifetimes(),
        now: @escaping @Sendable () -> UTCTime = UTCTime.now
    ) {
        folder = RepositoryFolder(path: path)
        self.lifetimes = lifetimes
        self.now = now
    }

    /// The newest published metadata.
    /// - Throws: ``RepositoryError``: `notARepository`, `damaged`, `file`.
    package func state() throws(RepositoryError) -> RepositoryState {
        guard let state = try RepositoryState(folder) else { throw .notARepository(path: folder.path) }
        return state
    }

    /// Makes the folder a repository without targets.
    /// - Parameters:
    ///   - roles: the keys of all four roles.
    ///   - signers: those that are available; timestamp's and snapshot's must be.
    /// - Throws: ``RepositoryError``.
    @discardableResult
    package func create(roles: [TopLevelRole: RoleMembers], signers: [any Signer]) throws(RepositoryError)
        -> PublishResult
    {
        do throws(SystemCallError) { try folder.makeFolders(above: "metadata/x") } catch { throw .file(error) }
        let lock = try folder.lock()
        defer { withExtendedLifetime(lock) {} }
        guard try !folder.has("metadata/1.root.json"), try folder.draftRoles().isEmpty else {
            throw .alreadyThere(path: folder.path)
        }
        let time = now()
        var root = SignedDocument.first(
            "root", expires: lifetimes.expiry(of: "root", from: time), ["consistent_snapshot": .bool(true)])
        root = try Self.root(root, with: roles)
        let targets = SignedDocument.first(
            "targets", expires: lifetimes.expiry(of: "targets", from: time), ["targets": .object(NameTable())])
        return try publish(NameTable(["root": root, "targets": targets]), signers: signers, from: nil, at: time)
    }

    /// Stores a target's bytes under the name with their digest. Readers find it when a role names it.
    /// - Throws: ``RepositoryError``: `unsafeName`, `file`.
    package func store(_ bytes: [UInt8], as name: String, custom: JSONValue? = nil) throws(RepositoryError)
        -> TargetFile
    {
        do throws(TUFError) { try TargetName.check(name) } catch { throw .unsafeName(name) }
        let identity = FileIdentity(of: bytes)
        try folder.write(bytes, to: "targets/\(TargetName.path(of: name, digest: identity.sha256 ?? ""))")
        return TargetFile(name: name, identity: identity, custom: custom)
    }

    /// Adds, replaces and removes targets of a role, all in one step. Files of removed targets stay, for readers that
    /// follow an older snapshot.
    /// - Throws: ``RepositoryError``.
    @discardableResult
    package func update(
        role: String = "targets", adding: [TargetFile] = [], removing: [String] = [], signers: [any Signer]
    ) throws(RepositoryError) -> PublishResult {
        try update([role: adding], removing: removing, signers: signers)
    }

    /// As ``update(role:adding:removing:signers:)``, of several roles: readers see all of it or nothing.
    /// - Parameter changes: what each role adds.
    @discardableResult
    package func update(
        _ changes: [String: [TargetFile]], removing: [String] = [], signers: [any Signer]
    ) throws(RepositoryError) -> PublishResult {
        try change(signers) { (state, time) throws(RepositoryError) in
            var documents = NameTable<SignedDocument>()
            for (role, adding) in changes {
                documents[role] = try next(role, adding, removing, state, time)
            }
            return documents
        }
    }

    private func next(
        _ role: String, _ adding: [TargetFile], _ removing: [String], _ state: RepositoryState, _ time: UTCTime
    ) throws(RepositoryError) -> SignedDocument {
        guard let document = state.documents[role], TopLevelRole(rawValue: role) ?? .targets == .targets else {
            throw .noSuchRole(role)
        }
        var added: [String: TargetFile] = [:]
        for target in adding { added[target.name] = target }
        let table: NameTable<JSONValue>
        do throws(JSONError) {
            table = try NameTable(added.map { .init(name: $0.key, value: $0.value.json) })
        } catch {
            throw .damaged(file: "\(role).json", .json(error))
        }
        return document.next(expires: lifetimes.expiry(of: role, from: time)) { signed in
            let targets = (signed["targets"]?.object ?? NameTable()).removing(removing)
            signed["targets"] = .object(targets.merging(table))
        }
    }

    /// Trusts a new role with the names that match, and gives it a first, empty version, which its own keys sign.
    /// - Throws: ``RepositoryError``.
    @discardableResult
    package func delegate(
        _ role: String, to members: RoleMembers, paths: [String], isTerminating: Bool = true,
        from delegator: String = "targets", signers: [any Signer]
    ) throws(RepositoryError) -> PublishResult {
        try members.check(role)
        // A web server decodes what readers encode: the name must be the same either way.
        guard PercentEncoding.fileName(of: role) == role, !role.hasPrefix(".") else { throw .unsafeName(role) }
        return try change(signers) { (state, time) throws(RepositoryError) in
            guard state.documents[role] == nil, TopLevelRole(rawValue: role) == nil, !role.isEmpty else {
                throw .roleExists(role)
            }
            guard let document = state.documents[delegator], TopLevelRole(rawValue: delegator) ?? .targets == .targets
            else { throw .noSuchRole(delegator) }
            let entry = DelegatedRole(
                name: role, keys: members.roleKeys, isTerminating: isTerminating, names: .paths(paths))
            let expires = lifetimes.expiry(of: delegator, from: time)
            let next = document.next(expires: expires) { signed in
                var delegations = signed["delegations"]?.object ?? NameTable()
                let keys = delegations["keys"]?.object ?? NameTable()
                delegations["keys"] = .object(keys.merging(members.keys.mapValues { $0.value.json }))
                delegations["roles"] = .array((delegations["roles"]?.array ?? []) + [entry.json])
                signed["delegations"] = .object(delegations)
            }
            let first = SignedDocument.first(
                "targets", expires: lifetimes.expiry(of: role, from: time), ["targets": .object(NameTable())])
            return NameTable([delegator: next, role: first])
        }
    }

    /// Changes keys and thresholds of top-level roles: root N + 1, which old and new root keys sign. Targets are signed
    /// anew where their keys changed.
    /// - Throws: ``RepositoryError``.
    @discardableResult
    package func changeKeys(
        signers: [any Signer], _ edit: (inout [TopLevelRole: RoleMembers]) -> Void
    ) throws(RepositoryError) -> PublishResult {
        try change(signers) { (state, time) throws(RepositoryError) in
            var roles: [TopLevelRole: RoleMembers] = [:]
            for role in TopLevelRole.allCases {
                roles[role] = RoleMembers(state.root.keys(of: role), among: state.root.keys)
            }
            edit(&roles)
            guard let old = state.documents["root"], let targets = state.documents["targets"] else {
                throw .notARepository(path: folder.path)
            }
            let root = try Self.root(old.next(expires: lifetimes.expiry(of: "root", from: time)), with: roles)
            let decoded = try RepositoryState.decode("root.json", root, RootMetadata.init)
            if decoded.signatures(on: targets, for: .targets).isMet { return NameTable(["root": root]) }
            let again = targets.next(expires: lifetimes.expiry(of: "targets", from: time))
            return NameTable(["root": root, "targets": again])
        }
    }

    private static func root(
        _ document: SignedDocument, with roles: [TopLevelRole: RoleMembers]
    ) throws(RepositoryError) -> SignedDocument {
        var table = document.signed.object ?? NameTable()
        var keys = NameTable<JSONValue>()
        var listed = NameTable<JSONValue>()
        for role in TopLevelRole.allCases {
            guard let members = roles[role] else { throw .unreachableThreshold(role: role.rawValue) }
            try members.check(role.rawValue)
            keys = keys.merging(members.keys.mapValues { $0.value.json })
            var entry = table["roles"]?.object?[role.rawValue]?.object ?? NameTable()
            entry = entry.merging(members.roleKeys.json.object ?? NameTable())
            listed[role.rawValue] = .object(entry)
        }
        table["keys"] = .object(keys)
        table["roles"] = .object(listed)
        return SignedDocument(signed: .object(table), signatures: [])
    }
}

extension NameTable where Value == SignedDocument {
    /// A few roles whose names are different.
    init(_ documents: [String: SignedDocument]) {
        self.init()
        for (role, document) in documents { self[role] = document }
    }
}

/// How long new metadata may be used, in days.
///
/// Short for what is renewed by a timer, since a mirror can hold back updates for so long; long for what people sign.
package struct RepositoryLifetimes: Sendable {
    package var root = 365
    package var targets = 365
    package var snapshot = 30
    package var timestamp = 7

    package init() {}

    func expiry(of role: String, from now: UTCTime) -> JSONValue {
        let days =
            switch TopLevelRole(rawValue: role) {
            case .root: root
            case .snapshot: snapshot
            case .timestamp: timestamp
            case .targets, nil: targets
            }
        return .string(now.adding(seconds: days * 86_400).description)
    }
}
