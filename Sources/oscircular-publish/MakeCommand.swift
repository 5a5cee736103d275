import ArgumentParser
import ContentAddress
import Publisher

/// `make IMAGE INDEX --store DIR`: blocks and index of one image, without a tree.
struct MakeCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "make", abstract: "Cut an image into blocks and write its index.",
        discussion:
            "Run it again after a stop: blocks that are stored already are not redone. casync and desync read the result."
    )

    @Argument(help: "A raw disk, an ISO, a block device, another disk format, compressed or not, or a URL of one.")
    var image: String

    @Argument(help: "The index to write (.caibx).")
    var index: String

    @Option(help: "The block store's folder (.castr).")
    var store: String

    @Option(help: "sha256 or sha512-256.")
    var digest = DigestAlgorithm.sha256

    @OptionGroup var blocks: BlockOptions

    func validate() throws {
        guard DigestAlgorithm.published.contains(digest) else {
            throw ValidationError("--digest must be sha256 or sha512-256; mksha1files writes the format of 2009")
        }
    }

    func run(_ context: Context) throws {
        let options = try blocks.options(digest)
        let progress = PublishProgress()
        let printer = ProgressPrinter(progress)
        defer { printer.stop() }
        let published = try ImagePublisher(options: options, progress: progress, cancellation: context.cancellation)
            .publish(image: image, index: index, store: store)
        printer.stop()
        Summary.lines(published).forEach(Console.print)
    }
}

extension DigestAlgorithm: ExpressibleByArgument {}
