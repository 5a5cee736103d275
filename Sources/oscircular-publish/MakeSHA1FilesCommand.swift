import ArgumentParser
import Linux
import Publisher

/// `mksha1files IMAGE INDEX BLOCKSIZE`, as the OS Circular guide of 2009 types it.
struct MakeSHA1FilesCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "mksha1files", abstract: "Cut an image into block files named by their SHA-1, as in 2009.",
        discussion: """
            The blocks go to blockfile/ beside the index. Nothing in this format is authenticated: use oscircular-publish for what
            others should trust.
            """)

    @Argument(help: "A raw disk, an ISO or a block device.") var image: String
    @Argument(help: "The index to write (.idx).") var index: String
    @Argument(help: "Bytes of a block: a multiple of 512, such as 262144.") var blocksize: Int

    func run(_ context: Context) throws {
        // The guide's next command copies the index there.
        // Where that cannot be made, the copying says so.
        if CurrentUser.isRoot { try? Folder.make("/var/tmp/blocks", above: false) }
        let progress = PublishProgress()
        let printer = ProgressPrinter(progress)
        defer { printer.stop() }
        let published = try LegacyPublisher(progress: progress, cancellation: context.cancellation)
            .publish(image: image, index: index, blockSize: blocksize)
        printer.stop()
        Summary.lines(published).forEach(Console.print)
    }
}
