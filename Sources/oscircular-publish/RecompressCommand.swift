import ArgumentParser
import Catalog
import Formats
import Publisher

/// `recompress TREE DISTRO [VERSION]`: blocks that starts read, in fewer bytes.
struct RecompressCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "recompress", abstract: "Compress the blocks that starts read again, harder.",
        discussion: """
            The blocks keep their names and their content. Web caches that have the old files serve them until these expire, and mirrors keep
            theirs: both are as good, only larger.
            """)

    @Argument(help: "The tree.")
    var tree: String

    @Argument(help: "The distribution's id.")
    var distro: String

    @Argument(help: "The version: YYYY-MM-DD or YYYY-MM-DD.N; all that have a boot set by default.")
    var version: String?

    @Option(help: "zstd's level.")
    var level = PublishOptions.standardBootCompressionLevel

    @OptionGroup var keyOptions: KeyOptions

    @OptionGroup var clock: ClockOptions

    func run(_ context: Context) throws {
        let published = try keyOptions.open(tree, clock)
        let id = try version.map { try NewVersion(distribution: distro, version: $0).version }
        let result = try RecompressStep.run(published, distro, id, isOfNew: false, level: level, context)
        Console.print(result)
        AccessWarning.print(published.path, isWhole: false)
    }
}

/// The compression of what a recording found, as a step of several commands.
enum RecompressStep {
    /// - Returns: what was done, for people.
    /// - Throws: ``PublisherError``.
    static func run(
        _ tree: PublishedTree, _ distribution: String, _ version: VersionID?, isOfNew: Bool, level: Int,
        _ context: Context
    ) throws(PublisherError) -> String {
        let progress = PublishProgress()
        let printer = ProgressPrinter(progress)
        defer { printer.stop() }
        let result = try tree.recompress(
            distribution, version, isOfNew: isOfNew, level: level, progress: progress,
            cancellation: context.cancellation)
        printer.stop()
        return "recompressed: \(result.smaller) of \(result.blocks) blocks, \(ByteCount.precise(result.before)) are "
            + "\(ByteCount.precise(result.after)) now"
    }

    /// What is new in a version that was published and recorded just now, where its recording went well: it stays published whatever comes
    /// of it, and a failure is a warning.
    /// - Throws: ``PublisherError/interrupted(signal:)`` alone.
    static func attempt(
        _ tree: PublishedTree, _ distribution: String, _ version: VersionID, _ options: PublishOptions,
        _ context: Context
    ) throws(PublisherError) {
        guard options.bootCompressionLevel > options.compressionLevel else { return }
        do {
            let entry = try tree.catalog().distribution(distribution)?.version(version)
            guard let entry, entry.hasBlocks, entry.recordedBootSet != nil else { return }
            Console.print(
                try run(tree, distribution, version, isOfNew: true, level: options.bootCompressionLevel, context))
        } catch {
            if case .interrupted = error { throw error }
            Console.error(
                "oscircular-publish: not all blocks of \(distribution)@\(version) were compressed again, or the catalog has their old sizes; 'oscircular-publish recompress' does the rest: \(ErrorReport(error).text)"
            )
        }
    }
}
