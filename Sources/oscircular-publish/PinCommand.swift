import ArgumentParser
import Catalog
import Publisher

/// A version that a command names.
struct VersionArguments: ParsableArguments {
    @Argument(help: "The tree.")
    var tree: String

    @Argument(help: "The distribution's id.")
    var distro: String

    @Argument(help: "The version: YYYY-MM-DD or YYYY-MM-DD.N.")
    var version: String

    @OptionGroup var keyOptions: KeyOptions

    /// The tree and the version's id; whether the tree has it is another question.
    func resolve() throws -> (PublishedTree, VersionID) {
        let published = try PublishedTree(path: tree, keys: try keyOptions.signingKeys(for: tree))
        return (published, try NewVersion(distribution: distro, version: version).version)
    }
}

/// `pin TREE DISTRO VERSION`: prune leaves it.
struct PinCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "pin", abstract: "Keep a version, whatever its age.")

    @OptionGroup var arguments: VersionArguments

    func run(_ context: Context) throws {
        let (tree, version) = try arguments.resolve()
        try tree.pin(arguments.distro, version, true)
        Console.print("pinned: \(arguments.distro)@\(version)")
    }
}

/// `unpin TREE DISTRO VERSION`: prune may take it again.
struct UnpinCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "unpin", abstract: "Let prune remove a pinned version when it is old.")

    @OptionGroup var arguments: VersionArguments

    func run(_ context: Context) throws {
        let (tree, version) = try arguments.resolve()
        try tree.pin(arguments.distro, version, false)
        Console.print("unpinned: \(arguments.distro)@\(version)")
    }
}
