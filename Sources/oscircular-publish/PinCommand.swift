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

    @OptionGroup var clock: ClockOptions

    /// The version's id.
    var id: VersionID { get throws { try NewVersion(distribution: distro, version: version).version } }

    /// Pins the version, or lets it go, and says so.
    func pin(_ isPinned: Bool) throws {
        let published = try keyOptions.open(tree, clock)
        let version = try id
        try published.pin(distro, version, isPinned)
        Console.print("\(isPinned ? "pinned" : "unpinned"): \(distro)@\(version)")
        AccessWarning.print(published.path, isWhole: false)
    }
}

/// `pin TREE DISTRO VERSION`: prune leaves it.
struct PinCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "pin", abstract: "Keep a version, whatever its age.")

    @OptionGroup var arguments: VersionArguments

    func run(_ context: Context) throws { try arguments.pin(true) }
}

/// `unpin TREE DISTRO VERSION`: prune may take it again.
struct UnpinCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "unpin", abstract: "Let prune remove a pinned version when it is old.")

    @OptionGroup var arguments: VersionArguments

    func run(_ context: Context) throws { try arguments.pin(false) }
}
