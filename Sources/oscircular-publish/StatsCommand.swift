import ArgumentParser
import Publisher

/// `stats TREE`: what each version costs.
struct StatsCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Show what each version holds, and what it added to the one before it.")

    @Argument(help: "The tree.")
    var tree: String

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var keyOptions: KeyOptions

    func run(_ context: Context) throws {
        let statistics = try PublishedTree(path: tree, keys: keyOptions.signingKeys(for: tree)).statistics()
        if json { return Console.print(try statistics.json()) }
        for distribution in statistics.distributions {
            Console.print(distribution.id)
            for version in distribution.versions {
                Console.print(
                    "  \(version.id): \(Quantity.bytes(version.size)), \(version.blocks) blocks, "
                        + "\(version.distinct) unique, stored \(Quantity.bytes(version.stored)), "
                        + "new \(version.newBlocks) blocks, \(Quantity.bytes(version.newStored))")
            }
        }
        Console.print("all: \(statistics.blocks) blocks, \(Quantity.bytes(statistics.stored))")
    }
}
