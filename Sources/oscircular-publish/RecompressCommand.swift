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
        let progress = PublishProgress()
        let printer = ProgressPrinter(progress)
        defer { printer.stop() }
        let result = try published.recompress(
            distro, id, level: level, progress: progress, cancellation: context.cancellation)
        printer.stop()
        Console.print(
            "recompressed: \(result.smaller) of \(result.blocks) blocks, \(ByteCount.precise(result.before)) are "
                + "\(ByteCount.precise(result.after)) now")
        AccessWarning.print(published.path, isWhole: false)
    }
}
