import ArgumentParser
import Publisher

/// `timestamp TREE`: says that the newest is still the newest.
struct TimestampCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "timestamp", abstract: "Renew the tree's timestamp, so that readers continue to trust it.",
        discussion: "For a timer: a timestamp is valid for 14 days, and 'add' renews it too.")

    @Argument(help: "The tree.")
    var tree: String

    @OptionGroup var keyOptions: KeyOptions

    @OptionGroup var clock: ClockOptions

    func run(_ context: Context) throws {
        let tree = try keyOptions.open(tree, clock)
        Console.print("timestamp: until \(try tree.renew())")
        ExpiryWarning.print(tree)
        AccessWarning.print(tree.path, isWhole: false)
    }
}
