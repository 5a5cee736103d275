import Formats
import Synchronization
import TUF

/// A repository in memory that signs whatever a test makes of it, and keeps a log of the requests.
///
/// A test edits the signed parts as plain JSON, so it can say everything that an attacker could.
final class SimulatedRepository: RepositorySource {
    struct Contents {
        var now = UTCTime(seconds: 1_800_000_000)
        var isConsistent = true
        var hasHashes = false
        /// Signed parts by role; root apart, of which every version is kept.
        var signed: [String: JSONValue] = [:]
        var roots: [[UInt8]] = []
        var root: JSONValue = .null
        var signers: [String: [SigningKey]] = [:]
        var targets: [String: [UInt8]] = [:]
        /// Answers that a test puts in the place of the right ones.
        var replaced: [String: [UInt8]] = [:]
        var failing: Set<String> = []
        var requests: [String] = []
    }

    private let contents: Mutex<Contents>

    init(isConsistent: Bool = true, hasHashes: Bool = false) throws {
        var contents = Contents()
        contents.isConsistent = isConsistent
        contents.hasHashes = hasHashes
        for role in TopLevelRole.allCases { contents.signers[role.rawValue] = [SigningKey.generate()] }
        self.contents = Mutex(contents)
        edit { contents in
            contents.root = Self.header("root", contents.now.adding(seconds: 30 * 86_400))
            contents.root.set("consistent_snapshot", .bool(isConsistent))
            contents.root.set("keys", .object(NameTable()))
            contents.root.set("roles", .object(NameTable()))
            for role in TopLevelRole.allCases.map(\.rawValue) {
                Self.setKeys(of: role, contents.signers[role] ?? [], in: &contents)
            }
            contents.signed["targets"] = Self.targetsRole(contents.now)
            contents.signed["snapshot"] = Self.header("snapshot", contents.now.adding(seconds: 7 * 86_400))
            contents.signed["timestamp"] = Self.header("timestamp", contents.now.adding(seconds: 86_400))
        }
        publishRoot()
        publish(bumping: [])
    }

    /// An empty targets role, version 1.
    static func targetsRole(_ now: UTCTime) -> JSONValue {
        var role = header("targets", now.adding(seconds: 20 * 86_400))
        role.set("targets", .object(NameTable()))
        return role
    }

    static func header(_ type: String, _ expires: UTCTime) -> JSONValue {
        .object([
            "_type": .string(type), "spec_version": .string("1.0.31"), "version": .integer(1),
            "expires": .string(expires.description),
        ])
    }

    /// Changes anything, signs nothing by itself.
    func edit<Result: Sendable>(_ change: (inout Contents) throws -> Result) rethrows -> Result {
        try contents.withLock { try change(&$0) }
    }

    var requests: [String] { contents.withLock { $0.requests } }
    var now: UTCTime { contents.withLock { $0.now } }
    var firstRoot: [UInt8] { contents.withLock { $0.roots.first ?? [] } }

    func forgetRequests() { contents.withLock { $0.requests = [] } }

    /// The keys of a role in the next root, or in the targets' delegations.
    static func setKeys(of role: String, _ keys: [SigningKey], threshold: Int = 1, in contents: inout Contents) {
        contents.signers[role] = keys
        for key in keys { contents.root.set("keys", key.publicKey.keyID, key.publicKey.json) }
        let ids = keys.map { JSONValue.string($0.publicKey.keyID) }
        contents.root.set(
            "roles", role, .object(["keyids": .array(ids), "threshold": .integer(threshold)]))
    }

    /// Signs the next root as it stands, by the given keys or by the root role's.
    func publishRoot(signedBy keys: [SigningKey]? = nil) {
        edit { contents in
            contents.root.set("version", .integer(contents.roots.count + 1))
            let signers = keys ?? contents.signers["root"] ?? []
            contents.roots.append(Self.sign(contents.root, signers).bytes)
        }
    }

    /// Counts roles up, and fits snapshot and timestamp to what there is.
    func publish(bumping roles: [String] = ["snapshot", "timestamp"]) {
        edit { contents in
            for role in roles { contents.signed[role]?.bump() }
            for role in contents.signed.keys where role != "snapshot" && role != "timestamp" {
                let file = Self.file(role, in: contents)
                contents.signed["snapshot"]?.set("meta", "\(role).json", file)
            }
            let file = Self.file("snapshot", in: contents)
            contents.signed["timestamp"]?.set("meta", "snapshot.json", file)
        }
    }

    /// Adds a target to a role; publish afterwards.
    func addTarget(_ name: String, _ bytes: [UInt8], to role: String = "targets") {
        edit { contents in
            contents.targets[name] = bytes
            let identity = FileIdentity(of: bytes)
            contents.signed[role]?.set(
                "targets", name,
                .object([
                    "length": .integer(bytes.count),
                    "hashes": .object(["sha256": .string(identity.sha256 ?? "")]),
                ]))
        }
    }

    /// Lets a role delegate to a new one that signs with a key of its own; publish afterwards.
    @discardableResult
    func delegate(
        _ role: String, from delegator: String = "targets", paths: [String] = ["*"], isTerminating: Bool = false,
        threshold: Int = 1, keys: [SigningKey] = [SigningKey.generate()], prefixes: [String]? = nil
    ) -> [SigningKey] {
        edit { contents in
            var delegations = contents.signed[delegator]?["delegations"] ?? .object(["keys": .object(NameTable())])
            for key in keys { delegations.set("keys", key.publicKey.keyID, key.publicKey.json) }
            var entry: JSONValue = .object([
                "name": .string(role), "keyids": .array(keys.map { .string($0.publicKey.keyID) }),
                "threshold": .integer(threshold), "terminating": .bool(isTerminating),
            ])
            if let prefixes {
                entry.set("path_hash_prefixes", .array(prefixes.map { .string($0) }))
            } else {
                entry.set("paths", .array(paths.map { .string($0) }))
            }
            delegations.set("roles", .array((delegations["roles"]?.array ?? []) + [entry]))
            contents.signed[delegator]?.set("delegations", delegations)
            if contents.signed[role] == nil { contents.signed[role] = Self.targetsRole(contents.now) }
            let known = contents.signers[role] ?? []
            // A key signs once, whoever trusts it.
            contents.signers[role] =
                known + keys.filter { key in !known.contains { $0.publicKey.keyID == key.publicKey.keyID } }
        }
        return keys
    }

    func fetch(_ path: String, maximumLength: Int) async throws(RepositorySourceError) -> [UInt8] {
        let (answer, isFailing) = edit { contents in
            contents.requests.append(path)
            return (contents.replaced[path] ?? Self.answer(path, contents), contents.failing.contains(path))
        }
        if isFailing { throw .unreachable(cause: Unplugged()) }
        guard let answer else { throw .notFound }
        guard answer.count <= maximumLength else { throw .tooLong }
        return answer
    }

    /// The file as the repository has it now.
    func file(_ path: String) -> [UInt8] { edit { Self.answer(path, $0) ?? [] } }

    private static func answer(_ path: String, _ contents: Contents) -> [UInt8]? {
        for (name, bytes) in contents.targets {
            let slash = name.lastIndex(of: "/").map { name.index(after: $0) } ?? name.startIndex
            let digest = FileIdentity(of: bytes).sha256 ?? ""
            let stored = contents.isConsistent ? "\(name[..<slash])\(digest).\(name[slash...])" : name
            if stored == path { return bytes }
        }
        if path.hasSuffix(".root.json"), let version = Int(path.dropLast(10)) {
            return contents.roots.indices.contains(version - 1) ? contents.roots[version - 1] : nil
        }
        for (role, signed) in contents.signed {
            let name = "\(PercentEncoding.fileName(of: role)).json"
            let version = signed["version"]?.integer ?? 0
            let stored = contents.isConsistent && role != "timestamp" ? "\(version).\(name)" : name
            if stored == path { return sign(signed, contents.signers[role] ?? []).bytes }
        }
        return nil
    }

    static func sign(_ signed: JSONValue, _ keys: [SigningKey]) -> SignedDocument {
        let bytes = CanonicalJSON.encode(signed)
        let signatures = keys.map { key in
            SignedDocument.Signature(
                keyID: key.publicKey.keyID, value: Hexadecimal.string(of: (try? key.sign(bytes)) ?? []))
        }
        return SignedDocument(signed: signed, signatures: signatures)
    }

    private static func file(_ role: String, in contents: Contents) -> JSONValue {
        let signed = contents.signed[role] ?? .null
        var entry: JSONValue = .object(["version": signed["version"] ?? .null])
        if contents.hasHashes {
            let bytes = sign(signed, contents.signers[role] ?? []).bytes
            entry.set("length", .integer(bytes.count))
            entry.set("hashes", .object(["sha256": .string(FileIdentity(of: bytes).sha256 ?? "")]))
        }
        return entry
    }
}

/// The network is down.
struct Unplugged: Error {}
