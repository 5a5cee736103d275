import ArgumentParser
import Publisher

/// `withdraw TREE DISTRO VERSION`: takes a version back.
struct WithdrawCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "withdraw", abstract: "Take a version back: out of the catalog, and those who run it are told.",
        discussion: """
            The name of a version that was withdrawn is never used again, and 'update' does not publish its image again. Its blocks go
            with a later 'prune', when no older catalog is valid any more.
            """)

    @OptionGroup var arguments: VersionArguments

    @Option(help: "Why, in a sentence for those who have it.")
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
