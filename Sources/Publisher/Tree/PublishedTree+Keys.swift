import Catalog
import ContentAddress
import Linux
import TUF

extension PublishedTree {
    /// A role of the tree, its keys, and which of those are in the keys' folder.
    package struct RoleKeysHere: Sendable {
        package let role: String
        /// How many keys must sign.
        package let threshold: Int
        /// Key ids, and whether the private key is in the keys' folder.
        package let keys: [(id: String, isHere: Bool)]
        /// When the role's newest metadata expires.
        package let expires: String
    }

    /// SHA-256 of the bytes of `metadata/1.root.json`: what readers compare.
    /// - Throws: ``PublisherError``.
    package func fingerprint() throws(PublisherError) -> String {
        do {
            return FileDigest.sha256(of: try FileContents.read("\(path)/metadata/1.root.json", limit: 1 << 20)).hex
        } catch {
            throw .unreadable(error)
        }
    }

    /// All roles, the four of the tree first.
    /// - Throws: ``PublisherError``.
    package func roles() throws(PublisherError) -> [RoleKeysHere] {
        let state = try contents().state
        do throws(RepositoryError) {
            var roles: [RoleKeysHere] = []
            let here: Set<String>
            do { here = try keys.ids() } catch { throw .signing(cause: error) }
            for role in TopLevelRole.allCases {
                roles.append(describe(role.rawValue, state.root.keys(of: role), state, here))
            }
            let delegations = try state.targets().delegations
            for entry in state.documents.entries where TopLevelRole(rawValue: entry.name) == nil {
                if let role = delegations?.keys(of: entry.name) {
                    roles.append(describe(entry.name, role, state, here))
                }
            }
            return roles
        } catch {
            throw PublisherError(error, tree: path)
        }
    }

    private func describe(
        _ name: String, _ role: RoleKeys, _ state: RepositoryState, _ here: Set<String>
    ) -> RoleKeysHere {
        RoleKeysHere(
            role: name, threshold: role.threshold, keys: role.keyIDs.map { ($0, here.contains($0)) },
            expires: state.documents[name]?.signed.object?["expires"]?.string ?? "")
    }

    /// A new timestamp, and a new snapshot where half of the old one's time is over: for a timer.
    /// - Returns: when the timestamp expires, RFC 3339.
    /// - Throws: ``PublisherError``.
    package func renew() throws(PublisherError) -> String {
        let lock = try lock()
        defer { lock.unlock() }
        let contents = try contents()
        try checkClock(contents)
        let ids = contents.keyIDs(of: ["snapshot", "timestamp"])
        let signers = try keys.signers(ids)
        do { return try repository.renew(signers: signers).description } catch {
            throw PublisherError(error, tree: path)
        }
    }

    /// Replaces a role's keys by a new one: the old ones sign the change, and no longer count after it.
    /// - Parameters:
    ///   - role: root, targets, snapshot or timestamp.
    ///   - passphrase: encrypts the new key.
    /// - Returns: the new key's id.
    /// - Throws: ``PublisherError``.
    package func rotate(_ role: TopLevelRole, passphrase: String?) throws(PublisherError) -> String {
        let lock = try lock()
        defer { lock.unlock() }
        let contents = try contents()
        try checkClock(contents)
        let old = try keys.signers(contents.keyIDs(of: TopLevelRole.allCases.map(\.rawValue)))
        try keys.check(outside: path)
        let key = try keys.generate(for: role.rawValue, passphrase: passphrase)
        let result: PublishResult
        do throws(RepositoryError) {
            result = try repository.changeKeys(signers: old + [key]) { roles in
                roles[role] = RoleMembers([key.publicKey])
            }
        } catch {
            keys.discard([key], unlessNamedIn: repository)
            throw PublisherError(error, tree: path)
        }
        try checkPublished(result)
        return key.publicKey.keyID
    }

    /// Lets a key of its own sign for one distribution, and for nothing else.
    /// - Returns: the key's id.
    /// - Throws: ``PublisherError``.
    package func delegate(_ distribution: String, passphrase: String?) throws(PublisherError) -> String {
        guard Distribution.isValid(id: distribution) else {
            throw .usage(option: "DISTRO", reason: "\(distribution.debugDescription) is not a distribution's id")
        }
        let lock = try lock()
        defer { lock.unlock() }
        let contents = try contents()
        try checkClock(contents)
        let signers = try keys.signers(contents.keyIDs(of: ["targets", "snapshot", "timestamp"]))
        try keys.check(outside: path)
        let key = try keys.generate(for: distribution, passphrase: passphrase)
        let result: PublishResult
        do {
            result = try repository.delegate(
                distribution, to: RoleMembers([key.publicKey]), paths: ["\(distribution)/*"],
                signers: signers + [key])
        } catch {
            keys.discard([key], unlessNamedIn: repository)
            throw PublisherError(error, tree: path)
        }
        try checkPublished(result)
        return key.publicKey.keyID
    }

    /// Signs a waiting change with the keys that are available now, and publishes it when they are enough.
    /// - Throws: ``PublisherError/changeWaits(tree:roles:)`` when there are not.
    package func resume() throws(PublisherError) {
        let lock = try lock()
        defer { lock.unlock() }
        let contents = try contents()
        try checkClock(contents)
        let roles = contents.state.documents.entries.map(\.name)
        let signers = try keys.signers(contents.keyIDs(of: roles))
        let fingerprint = try fingerprint()
        let result: PublishResult
        do { result = try repository.resume(signers: signers) } catch { throw PublisherError(error, tree: path) }
        try checkPublished(result)
        // The page is for people alone: see `writePage`.
        if let document = try? self.contents().catalog() { writePage(document, fingerprint) }
    }

    /// - Throws: ``PublisherError/changeWaits(tree:roles:)`` when it waits.
    func checkPublished(_ result: PublishResult) throws(PublisherError) {
        guard case .waiting(let missing) = result else { return }
        throw .changeWaits(tree: path, roles: missing.map(\.role))
    }
}
