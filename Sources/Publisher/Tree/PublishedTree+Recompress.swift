import Catalog
import ContentAddress
import ImageIndex

extension PublishedTree {
    /// Compresses the blocks of boot sets again, harder, and publishes the sizes that versions of the distribution have in the store then.
    ///
    /// No block gets another name, and no index changes. Copies of the old files that others keep, a mirror or a cache on the way, are as
    /// good as the new ones, and stay until they are replaced or expire.
    /// - Parameters:
    ///   - version: the version whose boot set is meant; nil for all of the distribution.
    ///   - isOfNew: only blocks that the version before it does not have.
    ///   - level: zstd's.
    /// - Throws: ``PublisherError``; blocks that were compressed until then stay so, and the next run publishes their sizes.
    package func recompress(
        _ distribution: String, _ version: VersionID? = nil, isOfNew: Bool = false,
        level: Int = PublishOptions.standardBootCompressionLevel,
        progress: PublishProgress = PublishProgress(), cancellation: Cancellation = Cancellation()
    ) throws(PublisherError) -> RecompressedBlocks {
        try PublishOptions.check(level: level, "--level")
        let lock = try lock()
        defer { lock.unlock() }
        let contents = try contents()
        try checkClock(contents)
        try checkNothingWaits()
        var document = try contents.catalog()
        guard let place = document.distributions.firstIndex(where: { $0.id == distribution }) else {
            throw .usage(option: "DISTRO", reason: "the catalog has no distribution \(distribution)")
        }
        if let version, document.distributions[place].version(version) == nil {
            throw contents.noVersion(version, of: distribution)
        }
        let store = ChunkStoreFolder(path: blocks)
        var wanted = try contents.blocksOfBootSets(document.distributions[place], version)
        guard !wanted.isEmpty else {
            throw .refused(
                reason:
                    "\(version.map { "\(distribution)@\($0)" } ?? distribution) has no boot set: record or derive one first"
            )
        }
        if let version, isOfNew {
            let known = try contents.blocks(before: version, document.distributions[place])
            wanted.removeAll { known.contains($0.id) }
        }
        let result = try BlockRecompression(wanted).run(
            in: store, level: level, progress: progress, cancellation: cancellation)
        // Also where nothing is smaller now: an earlier run may have been interrupted before it came here.
        let before = document.distributions[place]
        var counted = document
        counted.distributions = [before]
        let census = try BlockCensus(counted, contents, store: store, cancellation: cancellation)
        document.distributions[place].takeSizes(census)
        if document.distributions[place] != before {
            document.updated = clock()
            try publish(document, distribution: distribution, files: [], contents)
        }
        return result
    }
}

extension Distribution {
    /// Takes the bytes that versions have in the store now, where all of their blocks are there.
    fileprivate mutating func takeSizes(_ census: BlockCensus) {
        for counted in census.versions where counted.distinct.allSatisfy({ census.sizes[$0] > 0 }) {
            guard let position = versions.firstIndex(where: { $0.id == counted.entry.id }),
                versions[position].storedSize != nil
            else { continue }
            versions[position].storedSize = census.bytes(of: counted.distinct)
        }
    }
}

extension TreeContents {
    /// The blocks of the next older version; none where there is no older one.
    /// - Throws: ``PublisherError/index(path:_:)``.
    fileprivate func blocks(
        before version: VersionID, _ distribution: Distribution
    ) throws(PublisherError) -> Set<BlockID> {
        var ids: Set<BlockID> = []
        let older = distribution.versions.filter { $0.id < version && $0.hasBlocks }.max { $0.id < $1.id }
        guard let older else { return ids }
        let index = try index(older.index)
        do { try index.forEachBlock { ids.insert($0.id) } } catch {
            throw .index(path: older.index, error as? ImageIndexError ?? .malformed(reason: "\(error)"))
        }
        return ids
    }

    /// The blocks that boot sets of a distribution name, each once, where the tree has them.
    /// - Throws: ``PublisherError/index(path:_:)``.
    fileprivate func blocksOfBootSets(
        _ distribution: Distribution, _ version: VersionID?
    ) throws(PublisherError) -> [WantedBlock] {
        var wanted: [BlockID: WantedBlock] = [:]
        for entry in distribution.versions where entry.hasBlocks && (version ?? entry.id) == entry.id {
            guard let bootSet = entry.bootSet.flatMap(bootSet) else { continue }
            let index = try index(entry.index)
            let found: [IndexedBlock]
            do { found = try bootSet.blocks(of: index) } catch {
                throw .index(path: entry.index, error as? ImageIndexError ?? .malformed(reason: "\(error)"))
            }
            for block in found where wanted[block.id] == nil {
                wanted[block.id] = WantedBlock(
                    id: block.id, length: block.length, algorithm: index.algorithm,
                    version: "\(distribution.id)@\(entry.id)")
            }
        }
        return wanted.values.sorted { $0.id.hex < $1.id.hex }
    }
}
