import ArgumentParser
import Catalog
import Formats
import ImageIndex
import Linux
import Publisher

/// `record TREE DISTRO VERSION`: what a start of a version touches.
struct RecordCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Boot a version headless and publish what its start reads, as its boot set and boot pack.",
        discussion: "Needs what 'oscircular boot' needs on this machine. A version may be recorded again.")

    @Argument(help: "The tree.")
    var tree: String

    @Argument(help: "The distribution's id.")
    var distro: String

    @Argument(help: "The version: YYYY-MM-DD or YYYY-MM-DD.N.")
    var version: String

    @Option(help: "Starts to record; each touches a little more than the one before.")
    var rounds = 2

    @Option(help: "The guest's memory in MiB; what the catalog advises by default.")
    var memory: Int?

    @Option(help: "auto, kvm or tcg.")
    var accel: String?

    @Flag(help: "Compress what the start reads again, harder, as 'recompress' does.")
    var recompress = false

    func validate() throws {
        guard (1...10).contains(rounds) else { throw ValidationError("--rounds must be 1 to 10") }
    }

    @OptionGroup var keyOptions: KeyOptions

    @OptionGroup var clock: ClockOptions

    func run(_ context: Context) throws {
        let published = try keyOptions.open(tree, clock)
        let id = try NewVersion(distribution: distro, version: version).version
        try RecordingStep.check(published, distro, id)
        let recording = BootRecording(
            client: RecordingStep.client, rounds: rounds, memoryMiB: memory, accelerator: accel)
        let made = try RecordingStep.run(recording, published, distro, id, context)
        Console.print("boot set: \(distro)@\(id), \(made.blocks) blocks")
        made.packs.forEach(Console.print)
        if recompress {
            let level = PublishOptions.standardBootCompressionLevel
            Console.print(try RecompressStep.run(published, distro, id, isOfNew: false, level: level, context))
        }
        AccessWarning.print(published.path, isWhole: false)
    }
}

/// The recording of a version's start, as a step of several commands.
enum RecordingStep {
    /// - Parameter accelerator: what the user wants guests to run with; nil for nothing.
    /// - Throws: `ValidationError`.
    static func check(accelerator: String?) throws {
        if let accelerator, !["auto", "kvm", "tcg"].contains(accelerator) {
            throw ValidationError("--accel must be auto, kvm or tcg")
        }
    }

    /// Refuses what cannot be published afterwards, before the minutes that a start takes.
    /// - Throws: ``PublisherError``.
    static func check(_ tree: PublishedTree, _ distribution: String, _ version: VersionID) throws(PublisherError) {
        let known = try tree.catalog().distribution(distribution)
        if let withdrawn = known?.withdrawal(of: version) {
            throw .withdrawn(distribution: distribution, withdrawn)
        }
        guard known?.version(version) != nil else {
            throw .noSuchVersion(distribution: distribution, version: version)
        }
        try tree.checkClock()
    }

    /// Records and publishes.
    /// - Returns: the boot set's number of blocks, and what is to be said of its packs.
    /// - Throws: ``PublisherError``; a failed start is noted in the catalog, for `stats`.
    static func run(
        _ recording: BootRecording, _ tree: PublishedTree, _ distribution: String, _ version: VersionID,
        _ context: Context
    ) throws(PublisherError) -> (blocks: Int, packs: [String]) {
        do {
            let entry = try tree.catalog().distribution(distribution)?.version(version)
            let start = try recording.record(
                tree: tree.path, distribution: distribution, version: version, source: entry?.source,
                hasPacks: entry?.packs.isEmpty == false, cancellation: context.cancellation)
            try tree.publish(start.bootSet, of: distribution, version)
            let packs = try start.pages.map { pages throws(PublisherError) in
                try pack(pages, tree, distribution, version, context)
            }
            return (start.bootSet.ids.count, packs ?? [])
        } catch {
            if case .interrupted = error { throw error }
            try tree.noteRecordingFailure(ErrorReport.harmless(ErrorReport(error).why), of: distribution, version)
            throw error
        }
    }

    /// Publishes the version's boot packs. It stays recorded whatever comes of it: a failure is a warning.
    /// - Returns: a line for each.
    /// - Throws: ``PublisherError/interrupted(signal:)`` alone.
    private static func pack(
        _ pages: BootPages, _ tree: PublishedTree, _ distribution: String, _ version: VersionID, _ context: Context
    ) throws(PublisherError) -> [String] {
        do {
            let packs = try tree.publish(pages, of: distribution, version, cancellation: context.cancellation)
            return packs.map { pack in
                let readers = pack.basis.map { " for readers of \($0)" } ?? ""
                return "boot pack\(readers): \(ByteCount.precise(pack.storedSize)) to fetch"
            }
        } catch {
            if case .interrupted = error { throw error }
            Console.error(
                "oscircular-publish: \(distribution)@\(version) has no new boot pack: \(ErrorReport(error).text)")
            return []
        }
    }

    /// The same, for a version that stays published whatever comes of it: a failure is a warning.
    /// - Throws: ``PublisherError/interrupted(signal:)`` alone.
    static func attempt(
        _ recording: BootRecording, _ tree: PublishedTree, _ distribution: String, _ version: VersionID,
        _ context: Context
    ) throws(PublisherError) {
        do {
            let made = try run(recording, tree, distribution, version, context)
            Console.print("boot set: \(made.blocks) blocks")
            made.packs.forEach(Console.print)
        } catch {
            if case .interrupted = error { throw error }
            Console.error("oscircular-publish: \(distribution)@\(version) has no boot set: \(ErrorReport(error).text)")
        }
    }

    /// The client beside this program, else the one in PATH.
    static var client: String {
        let folder = CurrentProcess.programPath.split(separator: "/").dropLast().map { "/\($0)" }.joined()
        let beside = "\(folder)/oscircular"
        return Paths.allows(.executing, beside) ? beside : "oscircular"
    }
}
