/// For whoever copies a repository whole.
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
            // Each role once, by the first that vouches for it: the snapshot's list bounds it, whoever delegates to whom.
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
