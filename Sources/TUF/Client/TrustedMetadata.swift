/// The metadata that has been verified so far, and the rules by which more is let in. No input or output.
///
/// The rules are those of section 5 of the specification; where it leaves room they do what python-tuf's client does.
package struct TrustedMetadata: Sendable {
    /// A targets role and who vouched for it.
    struct Delegated: Sendable {
        let targets: TargetsMetadata
        /// Their names' bytes: Swift takes two spellings of a letter for one, and the keys are not the same.
        var delegators: Set<[UInt8]>
    }

    /// When the update began: all expiry is judged by it.
    let time: UTCTime
    private let limits: ClientLimits
    package private(set) var root: RootMetadata
    package private(set) var timestamp: TimestampMetadata?
    package private(set) var snapshot: SnapshotMetadata?
    private var delegated = NameTable<Delegated>()

    /// Starts from a root that is trusted already; it must be signed as it says itself.
    init(root bytes: [UInt8], time: UTCTime, limits: ClientLimits) throws(TUFError) {
        self.time = time
        self.limits = limits
        let document = try Self.read(bytes, file: "root.json", maximumLength: limits.rootLength)
        root = try Self.decode(document, file: "root.json", RootMetadata.init)
        try Self.require(root.signatures(on: document, for: .root), file: "root.json")
    }

    /// The top-level targets, once they are verified.
    package var targets: TargetsMetadata? { delegated["targets"]?.targets }

    /// A targets role that this delegator vouched for.
    func targets(_ role: String, delegatedBy delegator: String) -> TargetsMetadata? {
        guard let known = delegated[role], known.delegators.contains(Array(delegator.utf8)) else { return nil }
        return known.targets
    }

    /// The next root: signed by the keys of the present one and by its own, and one version higher.
    mutating func updateRoot(_ bytes: [UInt8], file: String) throws(TUFError) {
        let document = try Self.read(bytes, file: file, maximumLength: limits.rootLength)
        let new = try Self.decode(document, file: file, RootMetadata.init)
        try Self.require(root.signatures(on: document, for: .root), file: file)
        try Self.require(new.signatures(on: document, for: .root), file: file)
        let expected = root.header.version + 1
        if new.header.version < expected {
            throw .rolledBack(file: file, trusted: root.header.version, offered: new.header.version)
        }
        guard new.header.version == expected else {
            throw .untrusted(file: file, .version(expected: expected, found: new.header.version))
        }
        root = new
    }

    /// The last root must still be in force; those between may have expired.
    func requireFreshRoot() throws(TUFError) { try requireFresh(root.header, role: "root") }

    /// A timestamp, kept or new.
    /// - Returns: false when it has the version of the trusted one, which then stays.
    mutating func updateTimestamp(_ bytes: [UInt8]) throws(TUFError) -> Bool {
        let file = "timestamp.json"
        let document = try Self.read(bytes, file: file, maximumLength: limits.timestampLength)
        let new = try Self.decode(document, file: file, TimestampMetadata.init)
        try Self.require(root.signatures(on: document, for: .timestamp), file: file)
        if let old = timestamp {
            if new.header.version < old.header.version {
                throw .rolledBack(file: file, trusted: old.header.version, offered: new.header.version)
            }
            if new.header.version == old.header.version { return false }
            if new.snapshot.version < old.snapshot.version {
                throw .rolledBack(
                    file: "snapshot.json", trusted: old.snapshot.version, offered: new.snapshot.version)
            }
        }
        timestamp = new
        return true
    }

    /// The trusted timestamp must be in force; otherwise an attacker who holds back updates goes unnoticed.
    /// - Returns: what it says about the snapshot.
    func requireFreshTimestamp() throws(TUFError) -> MetadataFile {
        guard let timestamp else { throw .notFound(file: "timestamp.json") }
        try requireFresh(timestamp.header, role: "timestamp")
        return timestamp.snapshot
    }

    /// A snapshot, kept or new.
    /// - Parameter isKept: it was verified before; then it need not be the one that the timestamp names now, and serves
    ///   to notice a rollback.
    mutating func updateSnapshot(_ bytes: [UInt8], isKept: Bool) throws(TUFError) {
        let file = "snapshot.json"
        let expected = try requireFreshTimestamp()
        if !isKept, let reason = expected.identity.mismatch(bytes) { throw .untrusted(file: file, reason) }
        let document = try Self.read(bytes, file: file, maximumLength: limits.snapshotLength)
        let new = try Self.decode(document, file: file, SnapshotMetadata.init)
        try Self.require(root.signatures(on: document, for: .snapshot), file: file)
        if !isKept, new.header.version != expected.version {
            throw .untrusted(file: file, .version(expected: expected.version, found: new.header.version))
        }
        for entry in snapshot?.files.entries ?? [] {
            guard let offered = new.files[entry.name] else {
                throw .untrusted(file: file, .notInSnapshot(file: entry.name))
            }
            if offered.version < entry.value.version {
                throw .rolledBack(file: entry.name, trusted: entry.value.version, offered: offered.version)
            }
        }
        if !isKept { try requireFresh(new.header, role: "snapshot") }
        snapshot = new
    }

    /// Whether the trusted snapshot is the one that the timestamp names, and in force.
    func hasFinalSnapshot() throws(TUFError) -> Bool {
        let expected = try requireFreshTimestamp()
        return snapshot.map { $0.header.version == expected.version && !$0.header.isExpired(at: time) } ?? false
    }

    /// What the snapshot says about a targets role.
    func snapshotEntry(of role: String) throws(TUFError) -> MetadataFile {
        guard let entry = snapshot?.files["\(role).json"] else {
            throw .untrusted(file: "snapshot.json", .notInSnapshot(file: "\(role).json"))
        }
        return entry
    }

    /// Targets metadata, top-level or delegated, kept or new: exactly the version that the snapshot names.
    @discardableResult
    mutating func updateTargets(
        _ bytes: [UInt8], role: String, delegatedBy delegator: String
    ) throws(TUFError) -> TargetsMetadata {
        let file = "\(role).json"
        let expected = try snapshotEntry(of: role)
        if let reason = expected.identity.mismatch(bytes) { throw .untrusted(file: file, reason) }
        let new = try signedTargets(bytes, role: role, delegatedBy: delegator)
        guard new.header.version == expected.version else {
            throw .untrusted(file: file, .version(expected: expected.version, found: new.header.version))
        }
        try requireFresh(new.header, role: role)
        add(new, role: role, delegatedBy: delegator)
        return new
    }

    /// Kept metadata without regard to time and to what belongs together: for showing what was trusted last.
    mutating func restoreTargets(_ bytes: [UInt8], role: String, delegatedBy delegator: String) throws(TUFError) {
        add(try signedTargets(bytes, role: role, delegatedBy: delegator), role: role, delegatedBy: delegator)
    }

    /// A kept snapshot without regard to time and to what the timestamp names.
    mutating func restoreSnapshot(_ bytes: [UInt8]) throws(TUFError) {
        let document = try Self.read(bytes, file: "snapshot.json", maximumLength: limits.snapshotLength)
        let kept = try Self.decode(document, file: "snapshot.json", SnapshotMetadata.init)
        try Self.require(root.signatures(on: document, for: .snapshot), file: "snapshot.json")
        snapshot = kept
    }

    private mutating func add(_ targets: TargetsMetadata, role: String, delegatedBy delegator: String) {
        var delegators = delegated[role]?.delegators ?? []
        delegators.insert(Array(delegator.utf8))
        delegated[role] = Delegated(targets: targets, delegators: delegators)
    }

    /// Targets metadata that the delegator's keys signed.
    private func signedTargets(
        _ bytes: [UInt8], role: String, delegatedBy delegator: String
    ) throws(TUFError) -> TargetsMetadata {
        let file = "\(role).json"
        let document = try Self.read(bytes, file: file, maximumLength: limits.targetsLength)
        let count: SignatureCount
        if role == TopLevelRole.targets.rawValue {
            count = root.signatures(on: document, for: .targets)
        } else if let delegations = delegated[delegator]?.targets.delegations, let keys = delegations.keys(of: role) {
            count = SignatureCount(of: document, by: keys, among: delegations.keys)
        } else {
            count = SignatureCount(of: document, by: RoleKeys(keyIDs: [], threshold: 1), among: NameTable())
        }
        try Self.require(count, file: file)
        return try Self.decode(document, file: file, TargetsMetadata.init)
    }

    private func requireFresh(_ header: MetadataHeader, role: String) throws(TUFError) {
        if header.isExpired(at: time) { throw .expired(role: role, since: header.expires) }
    }

    private static func require(_ count: SignatureCount, file: String) throws(TUFError) {
        guard count.isMet else { throw .untrusted(file: file, .signatures(count)) }
    }

    private static func read(
        _ bytes: [UInt8], file: String, maximumLength: Int
    ) throws(TUFError) -> SignedDocument {
        do throws(MetadataFault) {
            return try SignedDocument(bytes, maximumLength: maximumLength)
        } catch {
            throw .untrusted(file: file, .malformed(error))
        }
    }

    private static func decode<Metadata>(
        _ document: SignedDocument, file: String, _ decode: (SignedDocument) throws(MetadataFault) -> Metadata
    ) throws(TUFError) -> Metadata {
        do throws(MetadataFault) {
            return try decode(document)
        } catch {
            throw .untrusted(file: file, .malformed(error))
        }
    }
}
