import Formats
import Linux

/// Versions of metadata that were trusted before, 0 where that is not known.
package struct SeenVersions: Sendable {
    package var root: Int
    package var timestamp: Int

    package init(root: Int = 0, timestamp: Int = 0) { (self.root, self.timestamp) = (root, timestamp) }
}

/// The client's side of The Update Framework 1.0: follows one repository and trusts nothing that is not signed.
///
/// A refresh starts from the root metadata that was trusted last, at first one that the user vouches for, and walks through the newer roots
/// one by one, each signed by the keys of the one before it and by its own. The last root names the keys of the timestamp, a small file
/// that is signed again every few days; the timestamp names the snapshot, the snapshot the version of each targets role, and these the files
/// and their digests (``TrustedMetadata`` has the rules). Versions never go back, so an attacker on the way, or a mirror, can hold back
/// updates only until the timestamp expires. A name is looked for in the top-level targets, then in the roles that they delegate it to.
///
/// Trusted metadata is kept after each step, so an end at any moment leaves a state from which the next refresh goes on. The store is
/// locked for each write alone, never while the repository is asked: where another process wrote meanwhile, the refresh begins anew.
/// Small files of the state are read and written on the caller's executor.
package actor TUFClient {
    let store: any MetadataStore
    let metadata: any RepositorySource
    private let files: any RepositorySource
    let limits: ClientLimits
    private let now: @Sendable () -> UTCTime
    let seen: SeenVersions
    private let firstRoot: [UInt8]
    var trusted: TrustedMetadata?
    /// The store's files as this client read or wrote them last.
    var known: [String: [UInt8]] = [:]
    /// Another process wrote to the store since then.
    var isOvertaken = false
    /// What the searches since the last refresh took.
    private var searched = (steps: 0, files: 0)

    /// A client that starts from the root in the store, or from `trustedRoot` when the store has none that is valid.
    /// Makes no request and writes nothing.
    /// - Parameters:
    ///   - store: trusted metadata between runs.
    ///   - trustedRoot: root metadata that the user trusts for another reason.
    ///   - metadata: the repository's metadata.
    ///   - targets: the repository's targets.
    ///   - seen: versions that are known from elsewhere to have been trusted; nothing older is let in where the store's own
    ///     files are spoiled.
    ///   - now: the clock, asked once a refresh.
    /// - Throws: ``TUFError``: `noTrustedRoot`, `untrusted`, `state`.
    package init(
        store: any MetadataStore, trustedRoot: [UInt8]? = nil, metadata: any RepositorySource,
        targets: any RepositorySource, limits: ClientLimits = ClientLimits(), seen: SeenVersions = SeenVersions(),
        now: @escaping @Sendable () -> UTCTime = UTCTime.now
    ) throws(TUFError) {
        self.store = store
        self.metadata = metadata
        self.files = targets
        self.limits = limits
        self.now = now
        self.seen = seen
        firstRoot = try Self.startingRoot(in: store, or: trustedRoot, limits: limits)
    }

    /// Makes a root the one that a store starts from.
    /// - Throws: ``TUFError``: `untrusted` when it is not signed as it says, `state`.
    package static func initialize(
        _ store: any MetadataStore, root: [UInt8], limits: ClientLimits = ClientLimits()
    ) throws(TUFError) {
        try check(root: root, limits: limits)
        try Self.write("root", root, to: store)
    }

    /// Whether bytes are root metadata that is signed as it says itself. That does not make it trusted.
    /// - Throws: ``TUFError/untrusted(file:_:)``.
    package static func check(root: [UInt8], limits: ClientLimits = ClientLimits()) throws(TUFError) {
        _ = try TrustedMetadata(root: root, time: UTCTime.now(), limits: limits)
    }

    /// Brings root, timestamp, snapshot and top-level targets up to date, or says why not.
    /// - Throws: ``TUFError``. What was verified before the failure is kept, everything else is as it was.
    package func refresh() async throws(TUFError) {
        for _ in 0..<Self.mostAttempts {
            isOvertaken = false
            do throws(TUFError) {
                return try await refreshOnce()
            } catch {
                guard isOvertaken else { throw error }
            }
        }
        throw .busy
    }

    /// How often a refresh begins anew because another process was faster. After the first time there is seldom anything to write.
    private static let mostAttempts = 16

    private func refreshOnce() async throws(TUFError) {
        try readStore()
        // Another process may have gone on from the root that this client began with.
        let root = try Self.startingRoot(in: store, or: firstRoot, limits: limits)
        var trusted = try TrustedMetadata(root: root, time: now(), limits: limits)
        self.trusted = nil
        searched = (0, 0)
        let isNew = known["root"] != root
        // One that stands in for a spoiled one is kept when it has come as far as that one was.
        let isStandIn = isNew && seen.root > 0
        if isNew && !isStandIn { try await keep("root", root) }
        try await updateRoot(&trusted, from: root, isStandIn: isStandIn)
        try await updateTimestamp(&trusted)
        try await updateSnapshot(&trusted)
        _ = try await loadTargets("targets", delegatedBy: "root", into: &trusted)
        self.trusted = trusted
    }

    /// What the repository says about a target; nil when no role that may name it does. Refreshes first when that has
    /// not been done.
    /// - Throws: ``TUFError``. A delegated role on the way that is not trusted or expired ends the search.
    package func target(_ name: String) async throws(TUFError) -> TargetFile? {
        if trusted == nil { try await refresh() }
        guard var trusted else { return nil }
        defer { self.trusted = trusted }
        let steps = min(limits.searchSteps.one, limits.searchSteps.all - searched.steps)
        var walk = DelegationWalk(target: name, maximumRoles: limits.delegations, steps: steps)
        defer { searched.steps += steps - walk.steps }
        while let (role, delegator) = walk.next() {
            if Task.isCancelled { throw .cancelled }
            if trusted.targets(role, delegatedBy: delegator) == nil { searched.files += 1 }
            guard searched.files <= limits.delegatedFiles else {
                throw .untrusted(file: "\(delegator).json", .endlessDelegations)
            }
            let targets = try await loadTargets(role, delegatedBy: delegator, into: &trusted)
            if let found = targets.targets[name] { return found }
            walk.descend(into: targets, of: role)
            guard walk.steps >= 0 else { throw .untrusted(file: "\(role).json", .endlessDelegations) }
        }
        return nil
    }

    /// The bytes of a target, verified.
    /// - Parameter maximumLength: a longer target is refused without a request.
    /// - Throws: ``TUFError``.
    package func download(_ target: TargetFile, maximumLength: Int = .max) async throws(TUFError) -> [UInt8] {
        if trusted == nil { try await refresh() }
        try TargetName.check(target.name)
        guard target.length <= maximumLength else {
            throw .targetTooLong(name: target.name, length: target.length, limit: maximumLength)
        }
        let isConsistent = trusted?.root.consistentSnapshot ?? false
        // A repository writes the file under one of its digests at least.
        let paths =
            isConsistent
            ? target.identity.hashes.entries.map { TargetName.path(of: target.name, digest: $0.value) } : [target.name]
        for path in paths.dropLast() {
            if let bytes = try await fetchTarget(target, at: path) { return bytes }
        }
        guard let path = paths.last, let bytes = try await fetchTarget(target, at: path) else {
            throw .notFound(file: target.name)
        }
        return bytes
    }

    private func fetchTarget(_ target: TargetFile, at path: String) async throws(TUFError) -> [UInt8]? {
        let bytes: [UInt8]?
        do throws(RepositorySourceError) {
            bytes = try await files.fetch(PercentEncoding.urlPath(of: path), maximumLength: target.length)
        } catch {
            bytes = try Self.nothing(for: target.name, maximumLength: target.length, error)
        }
        if let bytes, let reason = target.identity.mismatch(bytes) {
            throw .untrusted(file: target.name, reason)
        }
        return bytes
    }
}

/// For copying a whole repository.
extension TUFClient {
    /// Every target that the repository names now, sorted by name, each as the role says that may name it. All targets roles that
    /// the snapshot has are loaded, and with them verified. Refreshes first when that has not been done.
    /// - Throws: ``TUFError``. One delegated role that is not trusted or expired fails it all.
    package func allTargets() async throws(TUFError) -> [TargetFile] {
        if trusted == nil { try await refresh() }
        guard var trusted, let snapshot = trusted.snapshot else { return [] }
        var waiting = snapshot.files.entries.map { String($0.name.dropLast(".json".count)) }.filter { $0 != "targets" }
        var reached = [(role: "targets", delegator: "root")]
        var names: Set<String> = []
        while let (role, delegator) = reached.popLast() {
            let targets = try await loadTargets(role, delegatedBy: delegator, into: &trusted)
            names.formUnion(targets.targets.entries.map(\.name))
            // Each role once, by the first that vouches for it: the snapshot's list bounds it, however roles delegate to each other.
            let next = waiting.filter { targets.delegations?.keys(of: $0) != nil }
            waiting.removeAll { next.contains($0) }
            reached += next.map { ($0, role) }
        }
        self.trusted = trusted
        var found: [TargetFile] = []
        for name in names.sorted() {
            if let target = try await target(name) { found.append(target) }
        }
        return found
    }
}
