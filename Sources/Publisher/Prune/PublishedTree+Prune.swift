import Catalog
import TUF

/// What was removed from a tree, or would be.
package struct PruneResult: Sendable, Equatable {
    package struct Version: Sendable, Equatable {
        package let distribution: String
        package let id: VersionID
    }

    /// Versions that left the catalog, and pinned ones that the rule would have taken otherwise are not among them.
    package var removed: [Version] = []
    /// Blocks that only those need, and their bytes in the store: what the removal frees in the end.
    package var freedBlocks = 0
    package var freedBytes: UInt64 = 0
    /// Bytes of the blocks that the versions which stayed need.
    package var keptBytes: UInt64 = 0
    /// What was swept from the disk now, from this removal or earlier ones.
    package var sweptBlocks = 0
    package var sweptBytes: UInt64 = 0
    /// Old indexes, boot sets, catalogs and metadata that were swept now.
    package var sweptFiles = 0
    /// Blocks that no version names any more and that stay for readers of an older catalog, their bytes, and until when at most.
    package var waitingBlocks = 0
    package var waitingBytes: UInt64 = 0
    package var waitingUntil: Timestamp?
}

/// A prune takes old versions out of the catalog, then marks what readers may still ask for, then sweeps the rest.
///
/// Three things hold a block. A version that stays in the catalog does, without an end. So does every snapshot that has not expired, the
/// newest or an older one: a reader that refreshed a moment ago goes on with it until then, so what it leads to stays a day longer, for
/// clocks that are behind; a change that waits for a key holds what it names likewise (``Reachability``). And the last use does: a publisher
/// touches each block that it finds in the store, and a touched one stays for the grace, for indexes that lie outside the tree
/// (``TreeSweep``). Any error while marking ends the prune before anything is removed: what could not be read might have held something.
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
            document, contents, store: ChunkStoreFolder(path: blocks), cancellation: cancellation)
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
                    removing: old.flatMap(\.targets), contents)
                contents = try self.contents()
            }
        }
        let reach = try Reachability(
            self, contents, leaving: Set(leaving.flatMap(\.entry.targets)), now: now.seconds)
        try TreeSweep(
            tree: self, reach: reach, now: now.seconds, grace: Int64(graceDays) * 86_400, removes: !dryRun
        ).run(into: &result, progress: progress, cancellation: cancellation)
        return result
    }
}

extension CatalogDocument {
    fileprivate mutating func remove(_ versions: [VersionID], of distribution: String) {
        for position in distributions.indices where distributions[position].id == distribution {
            distributions[position].versions.removeAll { versions.contains($0.id) }
        }
    }
}
