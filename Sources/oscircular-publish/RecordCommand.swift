import ArgumentParser
import Catalog
import Publisher

/// `record TREE DISTRO VERSION`: what a start of a version touches.
struct RecordCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "record", abstract: "Boot a version headless and publish what its start touches as its boot set.",
        discussion: "Needs what 'oscircular boot' needs on this machine. A version may be recorded again.")

    @Argument(help: "The tree.")
    var tree: String

    @Argument(help: "The distribution's id.")
    var distro: String

    @Argument(help: "The version: YYYY-MM-DD or YYYY-MM-DD.N.")
    var version: String

    @Option(help: "Starts to record; each touches a little more than the one before.")
    var rounds = 2

    @Option(help: "The guest's memory in MiB; the catalog's advice unless given.")
    var memory: Int?

    @Option(help: "auto, kvm or tcg.")
    var accel: String?

    func validate() throws {
        guard (1...10).contains(rounds) else { throw ValidationError("--rounds must be 1 to 10") }
    }

    @OptionGroup var keyOptions: KeyOptions

    @OptionGroup var clock: ClockOptions

    func run(_ context: Context) throws {
        let published = try keyOptions.open(tree, clock)
        let id = try NewVersion(distribution: distro, version: version).version
        let known = try published.catalog().distribution(distro)
        if let withdrawn = known?.withdrawal(of: id) {
            throw PublisherError.withdrawn(distribution: distro, withdrawn)
        }
        guard known?.version(id) != nil else {
            throw PublisherError.noSuchVersion(distribution: distro, version: id)
        }
        try published.checkClock()
        let recording = BootRecording(
            client: RecordingStep.client, rounds: rounds, memoryMiB: memory, accelerator: accel)
        let blocks = try RecordingStep.run(recording, published, distro, id, context)
        Console.print("boot set: \(distro)@\(id), \(blocks) blocks")
        AccessWarning.print(published.path, isWhole: false)
    }
}
