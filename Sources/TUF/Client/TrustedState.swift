import Linux

/// What was trusted last, read from the store without a request. It may have expired: the caller decides what to do.
package struct TrustedState: Sendable {
    /// A role whose metadata must not be used for an update any more.
    package struct Expired: Sendable, Equatable {
        package let role: String
        package let since: UTCTime

        package init(role: String, since: UTCTime) {
            self.role = role
            self.since = since
        }
    }

    private let trusted: TrustedMetadata
    private let store: any MetadataStore
    private let limits: ClientLimits

    /// Reads the kept metadata. Files that the present root's keys did not sign, or that are spoiled, count as missing.
    /// - Parameter time: by which expiry is judged.
    /// - Throws: ``TUFError``: `noTrustedRoot`, `untrusted` for the root alone, `state`.
    package static func load(
        from store: any MetadataStore, limits: ClientLimits = ClientLimits(), time: UTCTime = UTCTime.now()
    ) throws(TUFError) -> TrustedState {
        guard let root = try TUFClient.read("root", from: store, limits: limits) else { throw .noTrustedRoot }
        var trusted = try TrustedMetadata(root: root, time: time, limits: limits)
        if let kept = try TUFClient.read("timestamp", from: store, limits: limits) {
            // In memory: what is not signed as it should be counts as missing, as the doc comment says.
            _ = try? trusted.updateTimestamp(kept)
        }
        if let kept = try TUFClient.read("snapshot", from: store, limits: limits) {
            // As above.
            try? trusted.restoreSnapshot(kept)
        }
        if let kept = try TUFClient.read("targets", from: store, limits: limits) {
            // As above.
            try? trusted.restoreTargets(kept, role: "targets", delegatedBy: "root")
        }
        return TrustedState(trusted: trusted, store: store, limits: limits)
    }

    package var root: RootMetadata { trusted.root }
    /// nil before the first refresh, and when its keys were changed since.
    package var timestamp: TimestampMetadata? { trusted.timestamp }
    package var snapshot: SnapshotMetadata? { trusted.snapshot }
    package var targets: TargetsMetadata? { trusted.targets }

    /// Top-level roles that have expired, the longest ago first; empty while all are in force.
    package var expired: [Expired] {
        let headers: [(String, MetadataHeader?)] = [
            ("root", root.header), ("timestamp", timestamp?.header), ("snapshot", snapshot?.header),
            ("targets", targets?.header),
        ]
        return headers.compactMap { role, header in
            header.flatMap { $0.isExpired(at: trusted.time) ? Expired(role: role, since: $0.expires) : nil }
        }.sorted { $0.since < $1.since }
    }

    /// When the first of the top-level roles expires or expired.
    package var expires: UTCTime {
        [timestamp?.header, snapshot?.header, targets?.header].compactMap { $0?.expires }.reduce(
            root.header.expires, min)
    }

    /// What the kept metadata says about a target, delegated roles included.
    /// - Throws: ``TUFError/state(_:)``.
    package func target(_ name: String) throws(TUFError) -> TargetFile? {
        var trusted = trusted
        var walk = DelegationWalk(
            target: name, maximumRoles: limits.delegations, steps: limits.searchSteps.one)
        while let (role, delegator) = walk.next() {
            if trusted.targets(role, delegatedBy: delegator) == nil {
                guard let kept = try TUFClient.read(role, from: store, limits: limits) else { continue }
                // In memory, as above.
                try? trusted.restoreTargets(kept, role: role, delegatedBy: delegator)
            }
            guard let targets = trusted.targets(role, delegatedBy: delegator) else { continue }
            if let found = targets.targets[name] { return found }
            walk.descend(into: targets, of: role)
        }
        return nil
    }
}
