import ArgumentParser
import Publisher

/// `derive TREE DISTRO`: boot sets for versions that nobody has recorded.
struct DeriveCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "derive",
        abstract: "Publish boot sets for versions that were not recorded, derived from the nearest ones that were.",
        discussion: """
            What a start of such a version reads is told from what it shares with a recorded one, and from where the rest lies. Recording the
            version replaces it. 'add' does the same for each new version.
            """)

    @Argument(help: "The tree.")
    var tree: String

    @Argument(help: "The distribution's id.")
    var distro: String

    @OptionGroup var keyOptions: KeyOptions

    @OptionGroup var clock: ClockOptions

    func run(_ context: Context) throws {
        let published = try keyOptions.open(tree, clock)
        let derived = try published.deriveBootSets(of: distro, cancellation: context.cancellation)
        for bootSet in derived {
            Console.print("derived: \(distro)@\(bootSet.version), \(bootSet.blocks) blocks, from \(bootSet.from)")
        }
        guard derived.isEmpty else { return AccessWarning.print(published.path, isWhole: false) }
        Console.print(
            "nothing to derive: no version without a boot set of its own is near a recorded one, or all have been derived"
        )
    }
}
