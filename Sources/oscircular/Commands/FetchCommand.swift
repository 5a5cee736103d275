import ArgumentParser
import Boot
import Catalog
import ImageIndex

/// `oscircular fetch`.
struct FetchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch", abstract: "Bring a version here whole, so that it boots without a network.",
        discussion: "May be interrupted; what is here already is verified and not fetched again.")

    @Argument(help: "[CATALOG/]DISTRO[@VERSION]; the newest version unless you say one.") var name: String

    func run() async throws {
        guard let name = VersionName(name) else { throw UsageError("'\(name)' is no [CATALOG/]DISTRO[@VERSION]") }
        let context = try CommandContext.load()
        let library = context.library()
        let chosen = try name.choose(from: await library.copies(refresh: true))
        let index = try ImageIndex(path: try await library.index(of: chosen))
        let cache = context.cache()
        let stores = BlockStores(
            locations: chosen.blockLocations, cache: cache, transfers: context.transfers(),
            policy: .rounds(5))
        defer { stores.close() }
        let progress = TransferProgress(phase: "fetch \(chosen.distribution.id)@\(chosen.version.id)")
        var total: UInt64 = 0
        do {
            try await ImageFetch(index: index, store: stores.caching).run(priority: .demand) { state in
                total = state.totalBytes
                progress.update(done: state.doneBytes, total: state.totalBytes)
            }
        } catch {
            progress.end()
            throw error
        }
        progress.end()
        await stores.caching.settle()
        let share = CachedShare(index: index, cache: cache)
        guard share.isWhole else {
            throw IncompleteFetch(missing: share.bytesNeeded - share.bytesHere)
        }
        let fetched = stores.caching.statistics.bytesFetched
        Terminal.print(
            "\(chosen.distribution.id)@\(chosen.version.id): \(ByteCount.text(total)) here, "
                + "\(ByteCount.text(UInt64(fetched))) fetched now")
    }
}

/// Blocks came but the cache did not keep them all.
struct IncompleteFetch: Error {
    let missing: UInt64
}

/// A wrong argument that argument-parser cannot see.
struct UsageError: Error {
    let message: String

    init(_ message: String) { self.message = message }
}
