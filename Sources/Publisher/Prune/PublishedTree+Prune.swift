import Catalog
import Glibc
import TUF

extension PublishedTree {
    /// Days for which a block or index that nobody names any more stays after it was last used.
    package static let graceDays = 14

    /// Takes old versions out of the catalog and removes what no reader can ask for any more.
    ///
    /// The catalog first, then the disk: a crash in between leaves files too many, and the next run takes them. A block goes when no
    /// snapshot that is still valid leads to it and nothing touched it for `graceDays`, so the room that a removal frees is there when the
    /// last older catalog has expired, not at once.
    /// - Parameter dryRun: changes nothing and needs no key.
    /// - Throws: ``PublisherError``: `busy` while anybody adds blocks; `index` when an index of the catalog is damaged, and nothing
    ///   was removed then; `clock` when the tree's newest timestamp seems to have expired.
    package func prune(
        _ rule: PruneRule, graceDays: Int = PublishedTree.graceDays, dryRun: Bool = false,
        progress: PublishProgress = PublishProgress(), cancellation: Cancellation = Cancellation()
    ) throws(PublisherError) -> PruneResult {
        let lock = try lock(sweeping: !dryRun)
        defer { lock.unlock() }
        var contents = try contents()
        let now = clock()
        let expires = contents.state.timestamp.header.expires
        guard Int64(expires.seconds) > now.seconds else { throw .clock(expired: expires.description) }
        if !dryRun { try checkClock(contents) }

        var document = try contents.catalog()
        let census = try BlockCensus(
            document, contents, store: BlockStoreFolder(path: blocks), cancellation: cancellation)
        let choice = rule.choose(among: census, today: today)
        let leaving = choice.goes.map { census.versions[$0] }
        var result = PruneResult(
            removed: leaving.map { .init(distribution: $0.distribution, id: $0.entry.id) },
            freedBlocks: choice.freedBlocks, freedBytes: choice.freedBytes, keptBytes: choice.keptBytes)
        try cancellation.check()
        if !dryRun {
            for distribution in document.distributions.map(\.id) {
                let old = leaving.filter { $0.distribution == distribution }.map(\.entry)
                if old.isEmpty { continue }
                document.remove(old.map(\.id), of: distribution)
                document.updated = now
                try publish(
                    document, distribution: distribution, files: [],
                    removing: old.flatMap { [$0.index] + ($0.bootSet.map { [$0] } ?? []) }, contents)
                contents = try self.contents()
            }
        }
        let reach = try Reachability(
            self, contents, leaving: Set(leaving.map(\.entry.index)), now: now.seconds)
        try TreeSweep(
            tree: self, reach: reach, now: now.seconds, grace: Int64(graceDays) * 86_400, removes: !dryRun
        ).run(into: &result, progress: progress, cancellation: cancellation)
        return result
    }

    /// Keeps a version whatever the rule for old ones, or lets it go again.
    /// - Throws: ``PublisherError``.
    package func pin(_ distribution: String, _ version: VersionID, _ isPinned: Bool) throws(PublisherError) {
        let lock = try lock()
        defer { lock.unlock() }
        try change(distribution, version) { $0.isPinned = isPinned }
    }

    /// Publishes a change of what the catalog says about a version. Call it under ``lock(sweeping:)``.
    /// - Parameter files: of the distribution's, published with it.
    /// - Throws: ``PublisherError``.
    func change(
        _ distribution: String, _ version: VersionID, files: [(name: String, bytes: [UInt8])] = [],
        _ edit: (inout DistributionVersion) -> Void
    ) throws(PublisherError) {
        let contents = try contents()
        var document = try contents.catalog()
        guard let place = document.distributions.firstIndex(where: { $0.id == distribution }),
            let position = document.distributions[place].versions.firstIndex(where: { $0.id == version })
        else { throw contents.noVersion(version, of: distribution) }
        let before = document.distributions[place].versions[position]
        edit(&document.distributions[place].versions[position])
        if files.isEmpty && document.distributions[place].versions[position] == before { return }
        document.updated = clock()
        try publish(document, distribution: distribution, files: files, contents)
    }
}

extension CatalogDocument {
    fileprivate mutating func remove(_ versions: [VersionID], of distribution: String) {
        for position in distributions.indices where distributions[position].id == distribution {
            distributions[position].versions.removeAll { versions.contains($0.id) }
        }
    }
}
