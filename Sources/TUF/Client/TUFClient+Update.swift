import Formats
import Linux

/// The steps of section 5 of the specification, in order.
extension TUFClient {
    /// Follows the chain of roots to its end, or as far as the limit allows.
    /// - Parameter isStandIn: whether the chain starts again because the stored root is damaged.
    func updateRoot(
        _ trusted: inout TrustedMetadata, from root: [UInt8], isStandIn: Bool
    ) async throws(TUFError) {
        var last = root
        for _ in 0..<limits.rootRotations {
            let file = "\(trusted.root.header.version + 1).root.json"
            guard let bytes = try await fetchMetadata(file, maximumLength: limits.rootLength) else { break }
            try trusted.updateRoot(bytes, file: file)
            last = bytes
            if !isStandIn { try await keep("root", bytes) }
        }
        if isStandIn {
            guard trusted.root.header.version >= seen.root else {
                throw .rolledBack(file: "root.json", trusted: seen.root, offered: trusted.root.header.version)
            }
            try await keep("root", last)
        }
        try trusted.requireFreshRoot()
    }

    /// The kept timestamp, where the present keys signed it, guards against an older one.
    func updateTimestamp(_ trusted: inout TrustedMetadata) async throws(TUFError) {
        let file = "timestamp.json"
        var isSpoiled = true
        if let kept = known["timestamp"] {
            do throws(TUFError) {
                _ = try trusted.updateTimestamp(kept)
                isSpoiled = false
            } catch {
                // One that the present root's keys did not sign is forgotten: so a repository recovers from an attacker
                // who had a key and ran ahead with the version. Where the root is still the one that was seen with it, the
                // file was spoiled here.
                let isNewRoot = seen.root == 0 || trusted.root.header.version > seen.root
                if isNewRoot, case .untrusted(_, .signatures) = error { isSpoiled = false }
            }
        }
        guard let bytes = try await fetchMetadata(file, maximumLength: limits.timestampLength) else {
            throw .notFound(file: file)
        }
        let isNew = try trusted.updateTimestamp(bytes)
        if isSpoiled, let offered = trusted.timestamp?.header.version, offered < seen.timestamp {
            throw .rolledBack(file: file, trusted: seen.timestamp, offered: offered)
        }
        _ = try trusted.requireFreshTimestamp()
        if isNew { try await keep("timestamp", bytes) }
    }

    func updateSnapshot(_ trusted: inout TrustedMetadata) async throws(TUFError) {
        if let kept = known["snapshot"] {
            // In memory: one that does not fit is fetched again.
            _ = try? trusted.updateSnapshot(kept, isKept: true)
        }
        if try trusted.hasFinalSnapshot() { return }
        let expected = try trusted.requireFreshTimestamp()
        let file = trusted.root.consistentSnapshot ? "\(expected.version).snapshot.json" : "snapshot.json"
        let limit = min(expected.identity.length ?? .max, limits.snapshotLength)
        guard let bytes = try await fetchMetadata(file, maximumLength: limit) else { throw .notFound(file: file) }
        try trusted.updateSnapshot(bytes, isKept: false)
        try await keep("snapshot", bytes)
    }

    /// A targets role from the store if it is the one that the snapshot names, else from the repository.
    func loadTargets(
        _ role: String, delegatedBy delegator: String, into trusted: inout TrustedMetadata
    ) async throws(TUFError) -> TargetsMetadata {
        if let known = trusted.targets(role, delegatedBy: delegator) { return known }
        let expected = try trusted.snapshotEntry(of: role)
        known[role] = try Self.read(role, from: store, limits: limits)
        if let kept = known[role],
            // In memory: a stored file that does not fit is fetched again.
            let targets = try? trusted.updateTargets(kept, role: role, delegatedBy: delegator)
        {
            return targets
        }
        let name = PercentEncoding.fileName(of: role)
        let file = trusted.root.consistentSnapshot ? "\(expected.version).\(name).json" : "\(name).json"
        let limit = min(expected.identity.length ?? .max, limits.targetsLength)
        guard let bytes = try await fetchMetadata(file, maximumLength: limit) else { throw .notFound(file: file) }
        let targets = try trusted.updateTargets(bytes, role: role, delegatedBy: delegator)
        // After the refresh a store that is newer by now need not have it.
        try await keep(role, bytes, ifOvertaken: role == "targets" ? .beginAnew : .leaveOut)
        return targets
    }

    /// nil when the repository has no such file.
    private func fetchMetadata(_ file: String, maximumLength: Int) async throws(TUFError) -> [UInt8]? {
        do throws(RepositorySourceError) {
            let bytes = try await metadata.fetch(file, maximumLength: maximumLength)
            // A source that does not keep to the limit is not trusted either.
            guard bytes.count <= maximumLength else { throw .tooLong }
            return bytes
        } catch {
            return try Self.nothing(for: file, maximumLength: maximumLength, error)
        }
    }

    /// nil for a file that is not there; every other failure is thrown.
    static func nothing(
        for file: String, maximumLength: Int, _ error: RepositorySourceError
    ) throws(TUFError) -> [UInt8]? {
        switch error {
        case .notFound: return nil
        case .tooLong: throw .untrusted(file: file, .tooLong(limit: maximumLength))
        case .damaged(let reason): throw .untrusted(file: file, reason)
        case .unreachable(let cause): throw .unreachable(file: file, cause: cause)
        case .cancelled: throw .cancelled
        }
    }
}
