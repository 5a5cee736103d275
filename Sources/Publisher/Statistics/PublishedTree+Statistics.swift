import Catalog
import ContentAddress
import ImageIndex

extension PublishedTree {
    /// Counts blocks and bytes of every version. A block whose file lacks counts 0 bytes.
    /// - Throws: ``PublisherError`` when the catalog or an index cannot be read.
    package func statistics() throws(PublisherError) -> TreeStatistics {
        let contents = try contents()
        let catalog = try contents.catalog()
        let census = try BlockCensus(catalog, contents, store: BlockStoreFolder(path: blocks))
        return TreeStatistics(catalog, contents, census)
    }

    /// The statistics as one page of HTML that needs nothing else.
    /// - Throws: ``PublisherError``.
    package func report() throws(PublisherError) -> String {
        let contents = try contents()
        let catalog = try contents.catalog()
        let census = try BlockCensus(catalog, contents, store: BlockStoreFolder(path: blocks))
        let statistics = TreeStatistics(catalog, contents, census)
        var page = StatisticsPage(title: catalog.name, made: Timestamp.now.description, statistics: statistics)
        for distribution in catalog.distributions {
            page.shares[distribution.id] = VersionShares(of: distribution.id, census)
            // The newest that has one.
            for version in distribution.versions {
                guard let name = version.bootSet, let set = contents.bootSet(name) else { continue }
                page.heatMaps[distribution.id] = try BootHeatMap(
                    version: version.id.text, bootSet: set, index: contents.index(version.index))
                break
            }
        }
        return page.html
    }
}

extension TreeContents {
    /// A boot set that was signed; nil where its file lacks or is damaged: it is advice, no part of the image.
    func bootSet(_ name: String) -> BootSet? { path(of: name).flatMap { try? BootSet(path: $0) } }
}

extension TreeStatistics {
    init(_ catalog: CatalogDocument, _ contents: TreeContents, _ census: BlockCensus) {
        // The newest version that needs a block, in any distribution's own order; a block that another distribution needs too is
        // never freed by one alone.
        var owners = [(distribution: String, newest: Int)?](repeating: nil, count: census.sizes.count)
        var isShared = [Bool](repeating: false, count: census.sizes.count)
        for (position, version) in census.versions.enumerated() {
            for block in version.distinct {
                if let owner = owners[block], owner.distribution != version.distribution { isShared[block] = true }
                owners[block] = (version.distribution, position)
            }
        }
        distributions = catalog.distributions.map { distribution in
            var versions: [Version] = []
            var (previous, seen) = (Set<Int>(), Set<Int>())
            var (cumulative, freed): (UInt64, UInt64) = (0, 0)
            for (position, version) in census.versions.enumerated() where version.distribution == distribution.id {
                let distinct = Set(version.distinct)
                let new = version.distinct.filter { !previous.contains($0) }
                let newStored = census.bytes(of: new)
                let stored = census.bytes(of: distinct)
                let isFirst = versions.isEmpty
                for block in distinct {
                    if seen.insert(block).inserted { cumulative += census.sizes[block] }
                    if owners[block]?.newest == position && !isShared[block] { freed += census.sizes[block] }
                }
                let bootSet = version.entry.bootSet.flatMap(contents.bootSet).map { set in
                    set.ids.compactMap { census.positions[$0] }.filter(distinct.contains)
                }
                versions.append(
                    Version(
                        id: version.entry.id.text, published: version.entry.published.description, size: version.size,
                        blocks: version.blocks, distinct: distinct.count, zero: version.zero, stored: stored,
                        newBlocks: new.count, newStored: newStored,
                        sharedBlocks: isFirst ? 0 : distinct.count - new.count,
                        sharedStored: isFirst ? 0 : stored - newStored, cumulativeStored: cumulative,
                        freedWithOlder: freed, bootSetBlocks: bootSet?.count,
                        bootSetStored: bootSet.map { census.bytes(of: $0) },
                        recordingError: version.entry.recordingError, pinned: version.entry.isPinned))
                previous = distinct
            }
            return Distribution(id: distribution.id, title: distribution.title, versions: versions.reversed())
        }
        blocks = census.sizes.count
        stored = census.bytes
    }
}
