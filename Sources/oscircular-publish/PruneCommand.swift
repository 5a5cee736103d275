import ArgumentParser
import Catalog
import Formats
import Publisher

/// `prune TREE`: old versions go, and what nobody can ask for any more.
struct PruneCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Remove old versions, and blocks that no reader can ask for any more.",
        discussion:
            "The newest version of a distribution and pinned ones stay. Blocks wait until no older catalog is valid.")

    @Argument(help: "The tree.")
    var tree: String

    @Option(help: "Remove versions that are this many weeks older than their distribution's newest.")
    var keepWeeks: Int?

    @Option(help: "Remove the oldest versions until the others need at most this many bytes in the store.")
    var maxBytes: UInt64?

    @Option(help: "Days for which an unused block stays after its last use; longer while an older catalog is valid.")
    var graceDays = PublishedTree.graceDays

    @Flag(help: "Only say what would be removed and how much that frees.")
    var dryRun = false

    @OptionGroup var keyOptions: KeyOptions

    @OptionGroup var clock: ClockOptions

    func validate() throws {
        guard (keepWeeks == nil) != (maxBytes == nil) else {
            throw ValidationError("give --keep-weeks or --max-bytes")
        }
        if let keepWeeks, !(1...10_000).contains(keepWeeks) { throw ValidationError("--keep-weeks must be 1 to 10000") }
        guard (0...10_000).contains(graceDays) else { throw ValidationError("--grace-days must be 0 to 10000") }
    }

    func run(_ context: Context) throws {
        let published = try keyOptions.open(tree, clock)
        let progress = PublishProgress()
        let printer = ProgressPrinter(progress)
        defer { printer.stop() }
        let result = try published.prune(
            PruneRule(keepWeeks: keepWeeks, maxBytes: maxBytes), graceDays: graceDays, dryRun: dryRun,
            progress: progress, cancellation: context.cancellation)
        printer.stop()
        PruneCommand.lines(result, dryRun: dryRun).forEach(Console.print)
        if !dryRun { AccessWarning.print(published.path, isWhole: false) }
        if let maxBytes, result.keptBytes > maxBytes {
            Console.error(
                "oscircular-publish: the newest and the pinned versions alone need "
                    + "\(ByteCount.precise(result.keptBytes)), more than --max-bytes \(maxBytes)")
        }
    }

    static func lines(_ result: PruneResult, dryRun: Bool) -> [String] {
        var lines = result.removed.map { "\(dryRun ? "would remove" : "removed"): \($0.distribution)@\($0.id)" }
        func line(_ name: String, _ blocks: Int, _ bytes: UInt64, _ rest: String = "") {
            lines.append("\(name): \(blocks) blocks, \(bytes) bytes (\(ByteCount.precise(bytes)))\(rest)")
        }
        line("frees", result.freedBlocks, result.freedBytes)
        line(
            dryRun ? "would sweep now" : "swept now", result.sweptBlocks, result.sweptBytes,
            ", and \(result.sweptFiles) old files")
        let until = result.waitingUntil.map { ", until \($0) at the latest" } ?? ""
        if result.waitingBlocks > 0 {
            line("kept for readers of older catalogs", result.waitingBlocks, result.waitingBytes, until)
        }
        lines.append("stays: \(result.keptBytes) bytes (\(ByteCount.precise(result.keptBytes)))")
        return lines
    }
}
