import Formats
import Linux

extension TUFRepository {
    /// Signs what waits among the drafts with more signers, and publishes it when there are enough signatures.
    /// - Throws: ``RepositoryError``.
    @discardableResult
    package func resume(signers: [any Signer]) throws(RepositoryError) -> PublishResult {
        let lock = try folder.lock()
        defer { withExtendedLifetime(lock) {} }
        let state = try RepositoryState(folder)
        let documents = try currentDrafts(state)
        guard !documents.entries.isEmpty else { return .published }
        return try publish(documents, signers: signers, from: state, at: now())
    }

    /// Changes that wait for signatures, by role. A draft may be carried to another machine, signed there with
    /// ``SignedDocument/signed(by:for:among:)`` and brought back with ``addSignatures(from:role:)``.
    /// - Throws: ``RepositoryError``.
    package func drafts() throws(RepositoryError) -> NameTable<SignedDocument> {
        try currentDrafts(try RepositoryState(folder))
    }

    /// The ids of all keys that the newest metadata names, or a change that waits.
    /// - Throws: ``RepositoryError``.
    package func namedKeys() throws(RepositoryError) -> Set<String> {
        var ids: Set<String> = []
        for entry in try state().documents.entries + drafts().entries {
            switch TopLevelRole(rawValue: entry.name) {
            case .root:
                let root = try RepositoryState.decode("root.json", entry.value, RootMetadata.init)
                ids.formUnion(root.keys.entries.map(\.name))
            case .targets, nil:
                let targets = try RepositoryState.decode("\(entry.name).json", entry.value, TargetsMetadata.init)
                ids.formUnion(targets.delegations?.keys.entries.map(\.name) ?? [])
            case .snapshot, .timestamp: break
            }
        }
        return ids
    }

    /// Takes the signatures of a copy of a draft that was signed elsewhere.
    /// - Throws: ``RepositoryError/noSuchRole(_:)`` when that draft does not wait, or says something else.
    package func addSignatures(from copy: SignedDocument, role: String) throws(RepositoryError) {
        let lock = try folder.lock()
        defer { withExtendedLifetime(lock) {} }
        guard let draft = try folder.draft(of: role), draft.signedBytes == copy.signedBytes else {
            throw .noSuchRole(role)
        }
        // Readers refuse two signatures by one key.
        let known = Set(draft.signatures.map(\.keyID))
        let new = copy.signatures.filter { !known.contains($0.keyID) }
        try keepDraft(SignedDocument(signed: draft.signed, signatures: draft.signatures + new), of: role)
    }

    /// Forgets all changes that wait.
    /// - Throws: ``RepositoryError``.
    package func discardDrafts() throws(RepositoryError) {
        let lock = try folder.lock()
        defer { withExtendedLifetime(lock) {} }
        try removeDrafts()
    }

    /// A new timestamp, and a new snapshot when half of the old one's time is over: what a timer calls.
    /// - Returns: when the timestamp expires.
    /// - Throws: ``RepositoryError``.
    @discardableResult
    package func renew(signers: [any Signer]) throws(RepositoryError) -> UTCTime {
        let lock = try folder.lock()
        defer { withExtendedLifetime(lock) {} }
        let (state, time) = (try state(), now())
        let half = time.adding(seconds: lifetimes.snapshot * 86_400 / 2)
        var snapshot: SignedDocument?
        if state.snapshot.header.expires < half, let old = state.documents["snapshot"] {
            let next = old.next(expires: lifetimes.expiry(of: "snapshot", from: time))
            let signed = try sign(next, for: .snapshot, by: signers, roots: [state.root])
            try folder.write(signed.bytes, to: "metadata/\(signed.version).snapshot.json")
            snapshot = signed
        }
        let stamp = try timestamp(
            of: snapshot ?? state.documents["snapshot"], after: state, signers: signers, roots: [state.root], at: time)
        try folder.write(stamp.bytes, to: "metadata/timestamp.json")
        return time.adding(seconds: lifetimes.timestamp * 86_400)
    }

    /// Makes new versions of some roles from the present state and publishes them, or keeps them as drafts.
    func change(
        _ signers: [any Signer],
        _ edit: (RepositoryState, UTCTime) throws(RepositoryError) -> NameTable<SignedDocument>
    ) throws(RepositoryError) -> PublishResult {
        let lock = try folder.lock()
        defer { withExtendedLifetime(lock) {} }
        let (state, time) = (try state(), now())
        let waiting = try currentDrafts(state)
        guard waiting.entries.isEmpty else { throw .waiting(roles: waiting.entries.map(\.name)) }
        return try publish(try edit(state, time), signers: signers, from: state, at: time)
    }

    /// Signs, and publishes when enough keys signed.
    func publish(
        _ unsigned: NameTable<SignedDocument>, signers: [any Signer], from state: RepositoryState?, at time: UTCTime
    ) throws(RepositoryError) -> PublishResult {
        let round = try SigningRound(unsigned, state: state, signers: signers)
        for entry in round.documents.entries { try checkLength(entry.value, of: entry.name) }
        if !round.missing.isEmpty {
            for entry in round.documents.entries { try keepDraft(entry.value, of: entry.name) }
            return .waiting(round.missing)
        }
        var files: [(name: String, bytes: [UInt8])] = []
        var metadata = state?.snapshot.files.mapValues { $0.value.json } ?? NameTable()
        for entry in round.documents.entries where entry.name != "root" {
            let bytes = entry.value.bytes
            let described = MetadataFile(version: entry.value.version, identity: FileIdentity(of: bytes))
            metadata["\(entry.name).json"] = described.json
            files.append(("\(entry.value.version).\(PercentEncoding.fileName(of: entry.name)).json", bytes))
        }
        let root = round.documents["root"].map { ("\($0.version).root.json", $0.bytes) }
        if files.isEmpty, let root, let state, round.isStillSigned(state) {
            // Only who may sign in the future: nothing below changes.
            try folder.write(root.1, to: "metadata/\(root.0)")
            forgetDrafts()
            return .published
        }
        let snapshotExpiry = lifetimes.expiry(of: "snapshot", from: time)
        let snapshotDraft =
            state?.documents["snapshot"]?.next(expires: snapshotExpiry) { $0["meta"] = .object(metadata) }
            ?? SignedDocument.first("snapshot", expires: snapshotExpiry, ["meta": .object(metadata)])
        let (snapshot, stamp): (SignedDocument, SignedDocument)
        do throws(RepositoryError) {
            snapshot = try sign(snapshotDraft, for: .snapshot, by: signers, roots: round.roots)
            stamp = try timestamp(of: snapshot, after: state, signers: signers, roots: round.roots, at: time)
        } catch {
            // What people signed already must not be lost because another key is not available.
            for entry in round.documents.entries { try keepDraft(entry.value, of: entry.name) }
            guard case .missingSignatures(let role, let count) = error else { throw error }
            return .waiting([PublishResult.MissingSignatures(role: role, count: count)])
        }
        files.append(("\(snapshot.version).snapshot.json", snapshot.bytes))
        for file in files { try folder.write(file.bytes, to: "metadata/\(file.name)") }
        // A reader with the old root must be able to verify what the timestamp leads to, or has to have the new one first.
        var last = [("timestamp.json", stamp.bytes)]
        if let root { last.insert(root, at: round.isSignedForOldRoot(timestamp: stamp, snapshot: snapshot) ? 1 : 0) }
        for file in last { try folder.write(file.1, to: "metadata/\(file.0)") }
        forgetDrafts()
        return .published
    }

    private func timestamp(
        of snapshot: SignedDocument?, after state: RepositoryState?, signers: [any Signer], roots: [RootMetadata],
        at time: UTCTime
    ) throws(RepositoryError) -> SignedDocument {
        guard let snapshot else { throw .notARepository(path: folder.path) }
        // The very bytes of the file, which another program may have spelled.
        let identity = try snapshotIdentity(snapshot, state)
        let described = MetadataFile(version: snapshot.version, identity: identity).json
        let meta = JSONValue.object(["snapshot.json": described])
        let expires = lifetimes.expiry(of: "timestamp", from: time)
        let draft =
            state?.documents["timestamp"]?.next(expires: expires) { $0["meta"] = meta }
            ?? SignedDocument.first("timestamp", expires: expires, ["meta": meta])
        return try sign(draft, for: .timestamp, by: signers, roots: roots)
    }

    private func snapshotIdentity(_ snapshot: SignedDocument, _ state: RepositoryState?) throws(RepositoryError)
        -> FileIdentity
    {
        if let state, snapshot.version == state.snapshot.header.version { return state.timestamp.snapshot.identity }
        return FileIdentity(of: snapshot.bytes)
    }

    /// Signs by the keys of all roots that readers may have; the newest one's must be enough.
    private func sign(
        _ document: SignedDocument, for role: TopLevelRole, by signers: [any Signer], roots: [RootMetadata]
    ) throws(RepositoryError) -> SignedDocument {
        var document = document
        for root in roots { document = try document.signed(by: signers, for: root.keys(of: role), among: root.keys) }
        if let count = roots.last?.signatures(on: document, for: role), !count.isMet {
            throw .missingSignatures(role: role.rawValue, count)
        }
        try checkLength(document, of: role.rawValue)
        return document
    }

    /// What clients refuse is not published.
    private func checkLength(_ document: SignedDocument, of role: String) throws(RepositoryError) {
        let (length, limit) = (document.bytes.count, limits.length(of: role))
        guard length <= limit else { throw .tooLong(role: role, length: length, limit: limit) }
    }

    private func keepDraft(_ document: SignedDocument, of role: String) throws(RepositoryError) {
        try folder.write(document.bytes, to: "drafts/\(PercentEncoding.fileName(of: role)).json")
    }

    /// Drafts that are newer than what is published: an end right after publishing leaves some that are not.
    private func currentDrafts(_ state: RepositoryState?) throws(RepositoryError) -> NameTable<SignedDocument> {
        var drafts = NameTable<SignedDocument>()
        for role in try folder.draftRoles() {
            guard let draft = try folder.draft(of: role), draft.version > state?.documents[role]?.version ?? 0 else {
                continue
            }
            drafts[role] = draft
        }
        return drafts
    }

    private func removeDrafts() throws(RepositoryError) {
        for role in try folder.draftRoles() { try folder.remove("drafts/\(PercentEncoding.fileName(of: role)).json") }
        // An empty folder says nothing; neither does one in which something else lies.
        try? folder.removeFolder("drafts")
    }

    /// Removes drafts that are published.
    private func forgetDrafts() {
        // Those that stay are no newer than what readers see, and count no more: no reason to call the change failed.
        try? removeDrafts()
    }
}
