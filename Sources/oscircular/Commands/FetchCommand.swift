import ArgumentParser
import Boot
import Catalog
import ImageIndex
import Linux

/// `oscircular fetch`.
struct FetchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch", abstract: "Bring a version here whole, so that it boots without a network.",
        discussion: "May be interrupted; what is here already is verified and not fetched again.")

    @Argument(help: "[CATALOG/]DISTRO[@VERSION]; the newest version unless you say one.") var name: String
    @Flag(help: "Only what a start needs, as far as it is known: boots without a network, no more.") var bootSet = false

    func run() async throws {
        guard let name = VersionName(name) else { throw UsageError("'\(name)' is no [CATALOG/]DISTRO[@VERSION]") }
        let context = try CommandContext.load()
        let library = context.library()
        let chosen = try name.choose(from: await library.copies(refresh: true))
        let index = try ImageIndex(path: try await library.index(of: chosen))
        let cache = context.cache()
        let stores = BlockStores(
            locations: chosen.blockLocations, cache: cache, transfers: context.transfers(),
            policy: .rounds(5), failures: MirrorNotice.show)
        defer { stores.close() }
        let progress = TransferProgress(phase: "fetch \(chosen.distribution.id)@\(chosen.version.id)")
        var total: UInt64 = 0
        let wanted = bootSet ? try await bootSetBlocks(of: chosen, index, library, context.places) : nil
        let missing: UInt64
        do {
            let blocks = try wanted ?? ImageFetch(index: index, store: stores.caching).blocks()
            missing = try await stores.keep(blocks, of: index) { state in
                total = state.totalBytes
                progress.update(done: state.doneBytes, total: state.totalBytes)
            }
        } catch {
            progress.end()
            throw error
        }
        progress.end()
        guard missing == 0 else { throw IncompleteFetch(missing: missing) }
        let fetched = stores.caching.statistics.bytesFetched
        Terminal.print(
            "\(chosen.distribution.id)@\(chosen.version.id): \(ByteCount.text(total)) here, "
                + "\(ByteCount.text(UInt64(fetched))) fetched now")
    }

    private func bootSetBlocks(
        of chosen: ChosenVersion, _ index: ImageIndex, _ library: CatalogLibrary, _ places: Places
    ) async throws -> [IndexedBlock] {
        let recorded = BootSetLibrary(places: places)
        let key = VersionKey(chosen)
        let published = recorded.recorded(key) == nil ? try await library.bootSet(of: chosen) : nil
        guard let bootSet = recorded.best(key, published: published) else {
            throw SessionFailure(
                exitCode: ErrorReport.ExitStatus.notFound,
                message: "nobody has recorded what a start of \(key) needs: fetch it whole, or boot it once")
        }
        return try bootSet.blocks(of: index)
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
