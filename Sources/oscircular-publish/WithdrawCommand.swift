import ArgumentParser
import Publisher

/// `withdraw TREE DISTRO VERSION`: takes a version back.
struct WithdrawCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "withdraw", abstract: "Withdraw a version: remove it from the catalog, and tell those who run it.",
        discussion: """
            A withdrawn version's name is never used again, and 'update' does not publish its image again. A later 'prune' removes its
            blocks, once no older catalog is valid any more.
            """)

    @OptionGroup var arguments: VersionArguments

    @Option(help: "The reason, in a sentence, for those who have it.")
    var why = ""

    func run(_ context: Context) throws {
        let tree = try arguments.keyOptions.open(arguments.tree, arguments.clock)
        let version = try arguments.id
        try tree.withdraw(arguments.distro, version, why: why)
        Console.print("withdrawn: \(arguments.distro)@\(version)")
        ExpiryWarning.print(tree)
        AccessWarning.print(tree.path, isWhole: false)
    }
}
