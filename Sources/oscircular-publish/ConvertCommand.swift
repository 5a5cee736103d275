import ArgumentParser
import ImageIndex
import Linux
import Publisher

/// `convert INDEX OUTPUT`: between the format of 2009 and today's.
struct ConvertCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Convert an image between the SHA-1 format of 2009 and today's, to the one that INDEX is not.",
        discussion: """
            An LBCAS index (.idx, blocks in blockfile/ beside it) becomes a .caibx with its blocks in the store, and vice
            versa. Every block is verified on the way.
            """)

    @Argument(help: "An LBCAS index or a .caibx.") var index: String
    @Argument(help: "The index to write.") var output: String
    @Option(help: "The block store of the .caibx; by default 'default.castr' beside it.") var store: String?
    @Option(help: "zstd's level.") var compression = PublishOptions.standardCompressionLevel

    func run(_ context: Context) throws {
        let progress = PublishProgress()
        let printer = ProgressPrinter(progress)
        defer { printer.stop() }
        let source: ImageIndex
        do { source = try ImageIndex(path: index) } catch { throw PublisherError.index(path: index, error) }
        let published =
            source.algorithm == .sha1
            ? try LegacyImport(
                options: try PublishOptions(compressionLevel: compression), progress: progress,
                cancellation: context.cancellation
            ).convert(index: index, to: output, store: store ?? ConvertCommand.store(beside: output))
            : try LegacyPublisher(progress: progress, cancellation: context.cancellation)
                .convert(index: index, store: store ?? ConvertCommand.store(beside: index), to: output)
        printer.stop()
        Summary.lines(published).forEach(Console.print)
    }

    private static func store(beside index: String) -> String { "\(Folder.parent(of: index) ?? ".")/default.castr" }
}
