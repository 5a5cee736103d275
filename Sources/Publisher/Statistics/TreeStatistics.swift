import Catalog
import ContentAddress
import Curl
import Formats
import FoundationEssentials
import ImageIndex

/// How much a tree holds and what each version costs. Bytes throughout.
package struct TreeStatistics: Sendable, Equatable, Codable {
    package struct Version: Sendable, Equatable, Codable {
        package let id: String
        /// RFC 3339.
        package let published: String
        /// Bytes of the image.
        package let size: UInt64
        /// Blocks of the image, how many different ones, and how many of zeros.
        package let blocks: Int
        package let distinct: Int
        package let zero: Int
        /// Bytes of its distinct blocks in the store.
        package let stored: UInt64
        /// Distinct blocks that the version before it does not have, and their bytes in the store. All, for the first.
        package let newBlocks: Int
        package let newStored: UInt64
        /// Distinct blocks that the version before it has too, and their bytes in the store. None, for the first.
        package let sharedBlocks: Int
        package let sharedStored: UInt64
        /// Bytes in the store of this version's and all older ones' blocks of the distribution: the growth.
        package let cumulativeStored: UInt64
        /// Bytes in the store that go in the end when this version and all older ones of the distribution are removed.
        package let freedWithOlder: UInt64
        /// Blocks of its boot set and their bytes in the store; nil where it has none.
        package let bootSetBlocks: Int?
        package let bootSetStored: UInt64?
        /// The version that its boot set was derived from; nil where its own starts were recorded.
        package let bootSetFrom: String?
        /// Guests of it that were saved asleep, and the bytes of their blocks in the store, which ``stored`` and what is compared with other
        /// versions leave out; nil where there are none.
        package let warmStates: Int?
        package let warmStored: UInt64?
        /// Bytes in the store of the pieces of its boot packs, which ``stored`` and what is compared with other versions leave out; and of
        /// the shortest pack of all that its start reads. nil where there is none.
        package let packsStored: UInt64?
        package let packStored: UInt64?
        /// Why its last recording gave no boot set; nil where it went well or none was tried.
        package let recordingError: String?
        package let pinned: Bool
        /// Where its bytes are if the tree has none of its blocks: at its vendor's; nil where the tree has them.
        package let vendor: String?
    }

    package struct Distribution: Sendable, Equatable, Codable {
        package let id: String
        package let title: String
        /// Newest first.
        package let versions: [Version]
    }

    package let distributions: [Distribution]
    /// Distinct blocks of all versions together, and their bytes in the store.
    package let blocks: Int
    package let stored: UInt64

    /// As one JSON object with sorted keys.
    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}

extension TreeStatistics {
    /// Counts blocks and bytes of every version. A block whose file is missing counts 0 bytes.
    /// - Throws: ``PublisherError`` when the catalog or an index cannot be read.
    package init(of tree: PublishedTree) throws(PublisherError) {
        let contents = try tree.contents()
        let catalog = try contents.catalog()
        self.init(
            catalog, contents, try BlockCensus(catalog, contents, store: ChunkStoreFolder(path: tree.blocks)))
    }

    /// The statistics as lines for a terminal.
    package var lines: [String] {
        var lines: [String] = []
        for distribution in distributions {
            var rows = [TreeStatistics.heads]
            for version in distribution.versions {
                let bootSet = version.bootSetStored.map(ByteCount.precise) ?? "none"
                let notes = [
                    version.packStored.map { "boot pack \(ByteCount.precise($0))" },
                    version.bootSetFrom.map { "boot set derived from \($0)" },
                    version.warmStored.map { "warm \(ByteCount.precise($0))" }, version.pinned ? "pinned" : nil,
                    version.vendor.map { "blocks at \($0)" },
                    version.recordingError.map { "recording failed: \($0)" },
                ].compactMap { $0 }
                rows.append([
                    version.id, ByteCount.precise(version.size), "\(version.distinct)",
                    ByteCount.precise(version.stored),
                    ByteCount.precise(version.newStored), ByteCount.precise(version.sharedStored),
                    ByteCount.precise(version.cumulativeStored), ByteCount.precise(version.freedWithOlder), bootSet,
                    notes.joined(separator: ", "),
                ])
            }
            lines.append(distribution.id)
            lines += TreeStatistics.table(rows)
        }
        lines.append("all: \(blocks) blocks, \(ByteCount.precise(stored))")
        return lines
    }

    private static let heads = [
        "version", "image", "unique", "stored", "new", "shared", "growth", "frees", "boot set", "",
    ]

    /// Columns as wide as their widest text; numbers to the right.
    private static func table(_ rows: [[String]]) -> [String] {
        let widths = heads.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            var line = " "
            for (column, text) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - text.count)
                line += " " + (column == 0 || column == heads.count - 1 ? text + padding : padding + text) + " "
            }
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }
    }
}

extension DistributionVersion {
    /// The server that has its bytes, as it may be shown; nil where the tree has its blocks.
    var vendor: String? { hasBlocks ? nil : vendorHost }

    /// The server that its file is on, as it may be shown; nil where it has none.
    var vendorHost: String? { (source?.urls.first).map { URLText.host(of: $0) ?? URLText.public($0) } }
}

extension TreeContents {
    /// A boot set that was signed; nil where its file is missing or damaged: it is advice, not a part of the image.
    func bootSet(_ name: String) -> BootSet? { path(of: name).flatMap { try? BootSet(path: $0) } }
}

extension TreeStatistics {
    init(_ catalog: CatalogDocument, _ contents: TreeContents, _ census: BlockCensus) {
        // The newest version that needs a block, in any distribution's own order; a block that another distribution needs too is
        // never freed by one alone.
        var owners = [(distribution: String, newest: Int)?](repeating: nil, count: census.sizes.count)
        var isShared = [Bool](repeating: false, count: census.sizes.count)
        for (position, version) in census.versions.enumerated() {
            for block in version.all {
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
                for block in version.all {
                    if seen.insert(block).inserted { cumulative += census.sizes[block] }
                    if owners[block]?.newest == position && !isShared[block] { freed += census.sizes[block] }
                }
                let bootSet = version.entry.bootSet.flatMap(contents.bootSet).map { set in
                    set.ids.compactMap { census.positions[$0] }.filter(distinct.contains)
                }
                versions.append(
                    Version(
                        id: version.entry.id.text, published: version.entry.published.description, size: version.size,
                        blocks: version.blocks, distinct: version.unique, zero: version.zero, stored: stored,
                        newBlocks: new.count, newStored: newStored,
                        sharedBlocks: isFirst ? 0 : distinct.count - new.count,
                        sharedStored: isFirst ? 0 : stored - newStored, cumulativeStored: cumulative,
                        freedWithOlder: freed, bootSetBlocks: bootSet?.count,
                        bootSetStored: bootSet.map { census.bytes(of: $0) },
                        bootSetFrom: version.entry.bootSetFrom?.text,
                        warmStates: version.entry.warm.isEmpty ? nil : version.entry.warm.count,
                        warmStored: version.warm.isEmpty ? nil : census.bytes(of: version.warm),
                        packsStored: version.packs.isEmpty ? nil : census.bytes(of: version.packs),
                        packStored: version.entry.packs.filter { $0.basis == nil }.map(\.storedSize).min(),
                        recordingError: version.entry.recordingError, pinned: version.entry.isPinned,
                        vendor: version.entry.vendor))
                previous = distinct
            }
            return Distribution(id: distribution.id, title: distribution.title, versions: versions.reversed())
        }
        blocks = census.sizes.count
        stored = census.bytes
    }
}
