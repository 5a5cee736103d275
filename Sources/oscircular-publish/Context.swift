import ArgumentParser
import ContentAddress
import Publisher

/// What every command is given.
struct Context {
    let cancellation: Cancellation
}

/// A command that works with the program's context.
protocol PublishSubcommand: ParsableCommand {
    func run(_ context: Context) throws
}

/// The options of all commands that publish an image.
struct BlockOptions: ParsableArguments {
    @Option(help: "Bytes of a block: a multiple of 512 from 4096 to 16777216.")
    var blockSize = 262_144

    @Option(help: "zstd's level.")
    var compression = PublishOptions.standardCompressionLevel

    @Option(help: "The list of digests for an image from a URL: a URL, a name beside it, or none.")
    var sums: String?

    /// - Throws: ``PublisherError/usage(option:reason:)``.
    func options(_ algorithm: DigestAlgorithm = .sha256) throws -> PublishOptions {
        var options = try PublishOptions(blockSize: blockSize, algorithm: algorithm, compressionLevel: compression)
        options.digests = DigestListChoice(sums)
        return options
    }
}
