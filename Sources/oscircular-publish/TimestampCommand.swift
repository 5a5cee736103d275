import ArgumentParser
import Publisher

/// `timestamp TREE`: says that the newest is still the newest.
struct TimestampCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "timestamp", abstract: "Renew the tree's timestamp, so that readers go on believing it.",
        discussion: "For a timer: a timestamp holds 14 days, and 'add' renews it too.")

    @Argument(help: "The tree.")
    var tree: String

    @OptionGroup var keyOptions: KeyOptions

    func run(_ context: Context) throws {
        let tree = try PublishedTree(path: tree, keys: try keyOptions.signingKeys(for: tree))
        Console.print("timestamp: until \(try tree.renew())")
        ExpiryWarning.print(tree)
    }
}
