import ArgumentParser
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
}
