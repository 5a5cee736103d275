import ArgumentParser
import Publisher

/// `verify TREE`: is every block there and right?
struct VerifyCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Read every index and block of a tree and compare digests.")

    @Argument(help: "The tree.")
    var tree: String

    @OptionGroup var keyOptions: KeyOptions

    func run(_ context: Context) throws {
        let tree = try PublishedTree(path: tree, keys: try keyOptions.signingKeys(for: tree))
        let progress = PublishProgress()
        let printer = ProgressPrinter(progress)
        defer { printer.stop() }
        let found = try tree.verify(progress: progress, cancellation: context.cancellation)
        printer.stop()
        found.problems.forEach { Console.error($0.description) }
        guard found.problems.isEmpty else { throw VerificationFailed(problems: found.problems.count) }
        Console.print("\(found.versions) versions, \(found.blocks) blocks, \(Quantity.bytes(found.bytes)): all right")
    }
}
