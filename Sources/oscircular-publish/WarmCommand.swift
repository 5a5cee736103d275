import ArgumentParser
import Catalog
import Formats
import Publisher

/// `warm TREE DISTRO VERSION`: a guest that readers go on with instead of booting.
struct WarmCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "warm",
        abstract:
            "Start a version headless, put its guest to sleep, and publish its memory: readers' guests go on from it.",
        discussion:
            "For systems whose image can sleep and wake (park in a recipe, --park). The guest has no keys, nobody's data and no network "
            + "beyond its own; one that has made ssh host keys is refused. A version may have one for each kind of machine; saving again "
            + "replaces it.")

    @Argument(help: "The tree.")
    var tree: String

    @Argument(help: "The distribution's id.")
    var distro: String

    @Argument(help: "The version: YYYY-MM-DD or YYYY-MM-DD.N.")
    var version: String

    @Option(help: "auto, kvm or tcg: whose readers it is for.")
    var accel: String?

    func validate() throws {
        try RecordingStep.check(accelerator: accel)
    }

    @OptionGroup var blocks: BlockOptions

    @OptionGroup var keyOptions: KeyOptions

    @OptionGroup var clock: ClockOptions

    func run(_ context: Context) throws {
        let published = try keyOptions.open(tree, clock)
        let id = try NewVersion(distribution: distro, version: version).version
        try RecordingStep.check(published, distro, id)
        let recording = WarmRecording(client: RecordingStep.client, accelerator: accel)
        Console.print(try WarmStep.run(recording, published, distro, id, try blocks.options(), context))
        AccessWarning.print(published.path, isWhole: false)
    }
}

/// The saving of a version's guest, as a step of several commands.
enum WarmStep {
    /// Saves and publishes.
    /// - Returns: what was published, for people.
    /// - Throws: ``PublisherError``.
    static func run(
        _ recording: WarmRecording, _ tree: PublishedTree, _ distribution: String, _ version: VersionID,
        _ options: PublishOptions, _ context: Context
    ) throws(PublisherError) -> String {
        let source = try tree.catalog().distribution(distribution)?.version(version)?.source
        let made = try recording.make(
            tree: tree.path, distribution: distribution, version: version, source: source,
            cancellation: context.cancellation)
        let (state, _) = try tree.publish(
            made, of: distribution, version, options: options, cancellation: context.cancellation)
        return "warm: \(distribution)@\(version), \(state.machine) \(state.accelerator) \(state.processor), "
            + "\(ByteCount.precise(state.storedSize)) to fetch"
    }

    /// The same, for a version that stays published whatever comes of it: a failure is a warning.
    /// - Throws: ``PublisherError/interrupted(signal:)`` alone.
    static func attempt(
        _ recording: WarmRecording, _ tree: PublishedTree, _ distribution: String, _ version: VersionID,
        _ options: PublishOptions, _ context: Context
    ) throws(PublisherError) {
        do {
            Console.print(try run(recording, tree, distribution, version, options, context))
        } catch {
            if case .interrupted = error { throw error }
            Console.error(
                "oscircular-publish: \(distribution)@\(version): \(ErrorReport(error).text)")
        }
    }
}
