import ArgumentParser
import Publisher

/// `init TREE`: an empty tree.
struct InitCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Create an empty signed tree with new keys.",
        discussion:
            "The keys are never stored in the tree. Copy them to a safe place: whoever has them can publish in your name."
    )

    @Argument(help: "The tree's folder; created if absent.")
    var tree: String

    @Option(help: "The catalog's name; the folder's name by default.")
    var name: String?

    @Option(help: "What the catalog offers, in a sentence.")
    var description = ""

    @Flag(help: "Encrypt the keys of root and targets with a passphrase; those for a timer stay plain.")
    var encrypt = false

    @OptionGroup var keyOptions: KeyOptions

    @OptionGroup var clock: ClockOptions

    func run(_ context: Context) throws {
        let folder = tree.split(separator: "/").last.map(String.init) ?? "catalog"
        let keys = try keyOptions.signingKeys(for: tree)
        let made = try PublishedTree.create(
            path: tree, name: name ?? folder, description: description, keys: keys,
            passphrase: encrypt ? try Passphrase.new() : nil, trustsClock: clock.trustClock)
        Console.print("tree:        \(made.path)")
        Console.print("keys:        \(keys.folder)")
        Console.print("fingerprint: \(try made.fingerprint())")
        AccessWarning.print(made.path)
    }
}
