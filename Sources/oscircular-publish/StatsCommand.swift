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

    @Option(help: "Write one page with charts to a file; it needs nothing else.")
    var html: String?

    @OptionGroup var keyOptions: KeyOptions

    func run(_ context: Context) throws {
        let tree = try PublishedTree(path: tree, keys: keyOptions.signingKeys(for: tree))
        if let html {
            let page = try StatisticsPage(of: tree).html()
            do { try AtomicFile.write(page, to: html) } catch { throw PublisherError.unwritable(error) }
            if !json { return }
        }
        let statistics = try TreeStatistics(of: tree)
        if json { return Console.print(try statistics.json()) }
        statistics.lines.forEach(Console.print)
    }
}
