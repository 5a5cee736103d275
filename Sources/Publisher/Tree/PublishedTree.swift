import Catalog
import Linux
import TUF

/// A published tree on the local disk: `metadata/` that signs `targets/` (the catalog, the indexes, the boot sets), and
/// `blocks/`.
///
/// A publication goes from the bottom up, so that a reader, whenever it comes, finds all that it is led to: the blocks first, then the index
/// and the catalog under names with their digests, then the metadata that signs these, and last the timestamp, by a rename. Only that
/// rename makes the new version visible; an end before it leaves files that nobody is led to, which a later prune
/// sweeps. Nothing that a reader of an older catalog may still ask for is changed or removed.
package struct PublishedTree: Sendable {
    package let path: String
    let keys: SigningKeys
    /// The machine's, but in tests.
    package var clock: @Sendable () -> Timestamp = { .now }
    /// Signs also where the clock is behind the tree's last signature, which another clock may have made that ran ahead.
    package var trustsClock = false

    var blocks: String { "\(path)/blocks" }
    var targets: String { "\(path)/targets" }
    var repository: TUFRepository {
        var lifetimes = RepositoryLifetimes()
        lifetimes.timestamp = PublishedTree.timestampDays
        return TUFRepository(path: path, lifetimes: lifetimes) { [clock] in UTCTime(seconds: Int(clock().seconds)) }
    }

    private static let catalogName = "catalog.json"

    /// Opens a tree that ``create(path:name:description:keys:passphrase:)`` made.
    /// - Throws: ``PublisherError/notATree(path:reason:)``.
    package init(path: String, keys: SigningKeys) throws(PublisherError) {
        self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        self.keys = keys
        guard Folder.isFolder(path) else { throw .notATree(path: path, reason: "there is no such folder") }
        guard try PublishedTree.has("metadata/1.root.json", path) else {
            throw .notATree(path: path, reason: "it is not signed: it has no metadata/1.root.json")
        }
    }

    /// Makes an empty tree, signed with new keys. One that is there already stays as it is; one that was half made is
    /// completed.
    /// - Parameter passphrase: encrypts the keys of root and targets; those that a timer uses stay plain.
    /// - Throws: ``PublisherError``.
    package static func create(
        path: String, name: String, description: String, keys: SigningKeys, passphrase: String? = nil,
        trustsClock: Bool = false
    ) throws(PublisherError) -> PublishedTree {
        if !trustsClock { try checkClock(.now) }
        // What readers would refuse is refused before there are keys.
        do { _ = try CatalogDocument(name: name, description: description, updated: .now).encode() } catch {
            throw .catalogRefused(error)
        }
        try keys.check(outside: path)
        if ResolvedPath.isInside(path, keys.folder), try !has("metadata/1.root.json", path) {
            throw .usage(option: "TREE", reason: "\(path) lies inside \(keys.folder), which is for private keys")
        }
        try OutputFolder.make(path)
        let known = ["metadata", "targets", "blocks", "drafts"]
        let names: [String]
        do { names = try Folder(path: path).names() } catch { throw .unreadable(error) }
        let isSigned = try has("metadata/timestamp.json", path)
        let others = names.filter {
            !known.contains($0) && !ForeignNames.contain($0) && !(isSigned && PublishedTree.isPage($0))
        }
        guard others.isEmpty else { throw .notEmpty(path: path, holds: others) }
        if !isSigned { try checkHalfMade(path, names) }
        try OutputFolder.make("\(path)/blocks")
        if !isSigned {
            for part in ["metadata", "drafts"] {
                do { try Folder.removeTree("\(path)/\(part)") } catch { throw .unwritable(error) }
            }
            try sign(path: path, keys: keys, passphrase: passphrase)
        }
        var tree = try PublishedTree(path: path, keys: keys)
        tree.trustsClock = trustsClock
        let contents = try tree.contents()
        if contents.path(of: catalogName) == nil {
            let document = CatalogDocument(name: name, description: description, updated: .now)
            try tree.publish(document, files: [], contents)
        }
        return tree
    }

    /// The page for browsers, or what a killed publisher left of one.
    private static func isPage(_ name: String) -> Bool {
        name == TreePage.name || name.hasPrefix(".\(TreePage.name).") && name.hasSuffix(".tmp")
    }

    /// What a first signing leaves that broke off.
    private static let halfMade = [
        "metadata": ["1.root.json", "1.targets.json", "1.snapshot.json"], "drafts": ["root.json", "targets.json"],
    ]

    /// Refuses what a first signing did not leave: the user's own, or a whole tree that lost its timestamp.
    private static func checkHalfMade(_ path: String, _ names: [String]) throws(PublisherError) {
        if names.contains("targets") { throw .notEmpty(path: path, holds: ["targets"]) }
        for (part, known) in halfMade where names.contains(part) {
            guard Folder.isFolder("\(path)/\(part)") else { throw .notEmpty(path: path, holds: [part]) }
            let files: [String]
            do { files = try Folder.names(in: "\(path)/\(part)") } catch { throw .unreadable(error) }
            let isOurs = files.allSatisfy { known.contains($0) || $0.hasPrefix(".") && $0.hasSuffix(".tmp") }
            if !isOurs { throw .notEmpty(path: path, holds: [part]) }
        }
    }

    private static func has(_ file: String, _ path: String) throws(PublisherError) -> Bool {
        do { return try Paths.isThere("\(path)/\(file)") } catch { throw .unreadable(error) }
    }

    /// Three keys: root's, targets', and one that a timer may use, for snapshot and timestamp.
    private static func sign(path: String, keys: SigningKeys, passphrase: String?) throws(PublisherError) {
        let root = try keys.generate(for: "root", passphrase: passphrase)
        let targets = try keys.generate(for: "targets", passphrase: passphrase)
        let online = try keys.generate(for: "online", passphrase: nil)
        do {
            try TUFRepository(path: path).create(
                roles: [
                    .root: RoleMembers([root.publicKey]), .targets: RoleMembers([targets.publicKey]),
                    .snapshot: RoleMembers([online.publicKey]), .timestamp: RoleMembers([online.publicKey]),
                ], signers: [root, targets, online])
        } catch {
            // Without a timestamp nothing of it counts, and the next try makes other keys. If it is not known whether there is one, they stay.
            if (try? has("metadata/timestamp.json", path)) == false { keys.discard([root, targets, online]) }
            throw PublisherError(error, tree: path)
        }
    }

    /// - Throws: ``PublisherError/catalog(path:_:)``, ``PublisherError/unreadable(_:)``.
    package func catalog() throws(PublisherError) -> CatalogDocument { try contents().catalog() }

    /// What the tree's signed metadata names now.
    func contents() throws(PublisherError) -> TreeContents {
        do {
            return try TreeContents(path: path, state: repository.state())
        } catch {
            throw PublisherError(error, tree: path)
        }
    }

    /// Publishes files and the catalog that names them. Call it under ``lock()``.
    ///
    /// It is one signed step, also where a distribution has a publisher of its own and the catalog's own documents change with it: then all
    /// of it waits until all of it is signed. Names that the catalog's keys vouched for before that publisher was there are removed
    /// afterwards, by those who have these keys; an end between the two leaves them there.
    /// - Parameters:
    ///   - distribution: whose files they are: a publisher of its own signs those, where there is one.
    ///   - removing: names that are vouched for no longer. Their files stay, for readers of an older catalog.
    /// - Throws: ``PublisherError``; readers see the tree as it was then.
    func publish(
        _ document: CatalogDocument, distribution: String? = nil, files: [(name: String, bytes: [UInt8])],
        removing: [String] = [], _ contents: TreeContents
    ) throws(PublisherError) {
        try checkClock(contents)
        let fingerprint = try fingerprint()
        var files = files
        var role = "targets"
        let parts = try contents.parts(of: document)
        if let distribution, let own = parts.catalog.distribution(distribution), contents.hasRole(of: distribution) {
            role = distribution
            do { files.append(("\(distribution)/distribution.json", try own.encode())) } catch {
                throw .catalogRefused(error)
            }
        }
        // A publisher of one distribution need not have the catalog's key once it is listed.
        let isListed: Bool = if let distribution { try contents.lists(distribution) } else { false }
        var documents: [(name: String, bytes: [UInt8])] = []
        do throws(CatalogError) {
            if role == "targets" || !isListed {
                documents.append((PublishedTree.catalogName, try parts.catalog.encode()))
            }
            if let sources = parts.sources {
                documents.append((CatalogDocument.sourcesName, try sources.encodeSources()))
            }
        } catch {
            throw .catalogRefused(error)
        }
        var updates = [role: files]
        if !documents.isEmpty { updates["targets", default: []] += documents }
        try sign(updates, removing: removing, contents)
        // Names from before the distribution had a publisher of its own; without the catalog's key they stay.
        if updates["targets"] == nil, contents.names(of: "targets").contains(where: removing.contains),
            try keys.hasAny(of: contents.keyIDs(of: ["targets"]))
        {
            try sign(["targets": []], removing: removing, contents)
        }
        writePage(document, fingerprint)
    }

    /// Signs what changes in some roles, by their names, as one step: readers see all of it or nothing.
    private func sign(
        _ updates: [String: [(name: String, bytes: [UInt8])]], removing: [String], _ contents: TreeContents
    ) throws(PublisherError) {
        let repository = repository
        let result: PublishResult
        do throws(RepositoryError) {
            var changes: [String: [TargetFile]] = [:]
            for (role, files) in updates {
                var added: [TargetFile] = []
                for file in files { added.append(try repository.store(file.bytes, as: file.name)) }
                changes[role] = added
            }
            let signers: [any Signer]
            do { signers = try keys.signers(contents.keyIDs(of: changes.keys + ["snapshot", "timestamp"])) } catch {
                throw .signing(cause: error)
            }
            result = try repository.update(changes, removing: removing, signers: signers)
        } catch {
            throw PublisherError(error, tree: path)
        }
        try checkPublished(result)
    }

    /// For what takes a long time before it is signed.
    /// - Throws: ``PublisherError/earlierChangeWaits(tree:roles:)``.
    func checkNothingWaits() throws(PublisherError) {
        let waiting: [String]
        do { waiting = try repository.drafts().entries.map(\.name) } catch {
            throw PublisherError(error, tree: path)
        }
        if !waiting.isEmpty { throw .earlierChangeWaits(tree: path, roles: waiting) }
    }
}
