import ArgumentParser
import Formats
import Publisher

/// `verify TREE`: is every block there and right?
struct VerifyCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Read every signature, index and block of a tree and compare digests.")

    @Argument(help: "The tree, or a copy of it.")
    var tree: String

    @Flag(
        help:
            "Leave out blocks that an earlier --incremental read in the last 30 days and whose files have not changed.")
    var incremental = false

    @Option(help: "Another copy of the tree, a URL or a folder, to replace what is damaged or missing from.")
    var repair: String?

    @Option(
        name: [.customLong("distribution")],
        help: ArgumentHelp("Only this distribution, for a copy that has no others; may be repeated.", valueName: "id"))
    var distributions: [String] = []

    @OptionGroup var keyOptions: KeyOptions

    func run(_ context: Context) throws {
        let tree = try PublishedTree(path: tree, keys: try keyOptions.signingKeys(for: tree))
        var options = VerifyOptions()
        (options.isIncremental, options.repairSource) = (incremental, repair)
        options.distributions = Set(distributions)
        let progress = PublishProgress()
        let printer = ProgressPrinter(progress)
        defer { printer.stop() }
        let found = try TreeVerification(
            of: tree, options, progress: progress, cancellation: context.cancellation
        ).run()
        printer.stop()
        found.problems.forEach { Console.error($0.description) }
        let repaired = found.repaired == 0 ? "" : ", \(found.repaired) files replaced"
        guard found.problems.isEmpty else {
            if found.repaired > 0 { Console.print("\(found.repaired) files replaced") }
            throw VerificationFailed(problems: found.problems.count)
        }
        let unread = found.unread == 0 ? "" : " (\(found.unread) not read again)"
        Console.print(
            "\(found.versions) versions, \(found.blocks) blocks\(unread), \(ByteCount.precise(found.bytes))\(repaired): "
                + "no problems found")
    }
}
