import Catalog
import FoundationEssentials
import ImageIndex

/// A tree's statistics as one page of HTML that works from a file: its numbers are in it as JSON, and a script of its own draws them. It asks
/// for nothing from elsewhere. A reader without scripts sees the table that `stats` prints.
package struct StatisticsPage: Encodable {
    let title: String
    /// When the page was made, RFC 3339.
    let made: String
    let statistics: TreeStatistics
    /// By distribution.
    var shares: [String: VersionShares] = [:]
    var bootSets: [String: BootHeatMap] = [:]

    /// - Throws: ``PublisherError`` when the catalog or an index cannot be read.
    package init(of tree: PublishedTree) throws(PublisherError) {
        let contents = try tree.contents()
        let catalog = try contents.catalog()
        let census = try BlockCensus(catalog, contents, store: ChunkStoreFolder(path: tree.blocks))
        (title, made) = (catalog.name, Timestamp.now.description)
        statistics = TreeStatistics(catalog, contents, census)
        for distribution in catalog.distributions {
            shares[distribution.id] = VersionShares(of: distribution.id, census)
            // The newest that was recorded.
            for version in distribution.versions {
                guard let name = version.recordedBootSet, let set = contents.bootSet(name) else { continue }
                bootSets[distribution.id] = try BootHeatMap(
                    version: version.id.text, bootSet: set, index: contents.index(version.index))
                break
            }
        }
    }

    /// The page.
    /// - Throws: what `JSONEncoder` throws; nothing here gives it a reason.
    package func html() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // A text in it must not end the script; in JSON that character occurs only in texts. By bytes, as a browser reads it: a String joins
        // it with a letter before it that combines with what follows.
        var data: [UInt8] = []
        for byte in try encoder.encode(self) {
            if byte == UInt8(ascii: "<") { data += "\\u003c".utf8 } else { data.append(byte) }
        }
        let table = statistics.lines.map(PageText.escape).joined(separator: "\n")
        return StatisticsPage.document(
            title: PageText.escape(title), table: table, data: String(decoding: data, as: UTF8.self))
    }
}

/// How much of each version's blocks every other version of its distribution has.
struct VersionShares: Encodable {
    /// Ids, the oldest first.
    let versions: [String]
    /// `[row][column]`: of the row's bytes in the store, the part (0 to 1) that the column's version has too.
    let parts: [[Double]]

    /// Versions that are compared at most; the newest.
    private static let most = 26

    init(of distribution: String, _ census: BlockCensus) {
        let compared = census.versions.filter { $0.distribution == distribution }.suffix(VersionShares.most)
        let sets = compared.map { Set($0.distinct) }
        versions = compared.map(\.entry.id.text)
        parts = sets.map { row in
            let all = census.bytes(of: row)
            return sets.map { column in
                all == 0 ? 1 : Double(census.bytes(of: row.lazy.filter(column.contains))) / Double(all)
            }
        }
    }
}

/// Where in an image its start reads, and when.
struct BootHeatMap: Encodable {
    let version: String
    /// Cells of the image in order, each of the same number of blocks.
    let cells: [Cell]
    let blocksPerCell: Int
    /// Blocks of the boot set.
    let count: Int

    struct Cell: Encodable {
        /// Blocks that the start reads, and when the first of them: 0 the very first, 1 the last.
        var read = 0
        var first = 1.0
        /// Whether the image has anything here but zeros.
        var hasData = false

        /// As `[read, first, hasData]`, for there are thousands; `first` in thousandths.
        func encode(to encoder: any Encoder) throws {
            var list = encoder.unkeyedContainer()
            try list.encode(read)
            try list.encode(Int(first * 1000))
            try list.encode(hasData ? 1 : 0)
        }
    }

    /// Cells at most.
    private static let most = 2048

    /// - Throws: ``PublisherError/index(path:_:)``.
    init(version: String, bootSet: BootSet, index: ImageIndex) throws(PublisherError) {
        self.version = version
        let perCell = max(1, (index.count + BootHeatMap.most - 1) / BootHeatMap.most)
        var cells = [Cell](repeating: Cell(), count: (index.count + perCell - 1) / perCell)
        let order = Dictionary(uniqueKeysWithValues: bootSet.ids.enumerated().map { ($0.element, $0.offset) })
        let last = Double(max(1, bootSet.ids.count - 1))
        do {
            try index.forEachBlock { block in
                let cell = block.position / perCell
                if !block.isHole { cells[cell].hasData = true }
                guard let place = order[block.id], !block.isHole else { return }
                cells[cell].read += 1
                cells[cell].first = min(cells[cell].first, Double(place) / last)
            }
        } catch {
            throw .index(path: version, .malformed(reason: "\(error)"))
        }
        self.cells = cells
        blocksPerCell = perCell
        count = bootSet.ids.count
    }
}
