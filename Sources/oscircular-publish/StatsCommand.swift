import ArgumentParser
import Linux
import Publisher

/// `stats TREE`: what each version costs.
struct StatsCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Show what each version holds, and what it added to the one before it.")

    @Argument(help: "The tree.")
    var tree: String

    @Flag(help: "Print one JSON object.")
    var json = false

    @Option(help: "Write one page with charts to a file, which needs nothing else.")
    var html: String?

    @OptionGroup var keyOptions: KeyOptions

    func run(_ context: Context) throws {
        let tree = try PublishedTree(path: tree, keys: keyOptions.signingKeys(for: tree))
        if let html {
            let page = try tree.report()
            do { try AtomicFile.write(page, to: html) } catch { throw PublisherError.unwritable(error) }
            if !json { return }
        }
        let statistics = try tree.statistics()
        if json { return Console.print(try statistics.json()) }
        StatisticsTable.lines(statistics).forEach(Console.print)
    }
}

/// The statistics as a table for a terminal.
enum StatisticsTable {
    private static let heads = [
        "version", "image", "unique", "stored", "new", "shared", "growth", "frees", "boot set", "",
    ]

    static func lines(_ statistics: TreeStatistics) -> [String] {
        var lines: [String] = []
        for distribution in statistics.distributions {
            var rows = [heads]
            for version in distribution.versions {
                let bootSet = version.bootSetStored.map(Quantity.bytes) ?? "none"
                let notes = [
                    version.pinned ? "pinned" : nil, version.recordingError.map { "recording failed: \($0)" },
                ].compactMap { $0 }
                rows.append([
                    version.id, Quantity.bytes(version.size), "\(version.distinct)", Quantity.bytes(version.stored),
                    Quantity.bytes(version.newStored), Quantity.bytes(version.sharedStored),
                    Quantity.bytes(version.cumulativeStored), Quantity.bytes(version.freedWithOlder), bootSet,
                    notes.joined(separator: ", "),
                ])
            }
            lines.append(distribution.id)
            lines += table(rows)
        }
        lines.append("all: \(statistics.blocks) blocks, \(Quantity.bytes(statistics.stored))")
        return lines
    }

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
