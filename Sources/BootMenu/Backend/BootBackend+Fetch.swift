import BlockStore
import Boot
import Catalog
import ImageIndex
import Linux

/// Bringing versions here.
extension BootBackend {
    package func fetch(_ image: ImageName, _ extent: FetchItem.Extent) -> AsyncThrowingStream<MenuProgress, any Error> {
        // Only the newest word counts: nobody reads a thousand a second.
        AsyncThrowingStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            let task = Task {
                do {
                    try await run(image, extent) { continuation.yield($0) }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    private func run(
        _ image: ImageName, _ extent: FetchItem.Extent, progress: @Sendable (MenuProgress) -> Void
    ) async throws {
        let chosen = try chosen(image)
        let index = try ImageIndex(path: try await library.index(of: chosen))
        let stores = BlockStores(
            locations: chosen.blockLocations, cache: cacheOfUser, transfers: transfers, policy: .rounds(5))
        defer { stores.close() }
        let blocks =
            extent == .whole
            ? try ImageFetch(index: index, store: stores.caching).blocks() : try await bootSet(of: chosen, index)
        let meter = RateMeter()
        let missing = try await stores.keep(blocks, of: index) { state in
            let rate = meter.rate(count: UInt64(stores.caching.statistics.bytesFetched))
            progress(MenuProgress(done: state.doneBytes, total: state.totalBytes, rate: rate))
        }
        if missing > 0 {
            throw SessionFailure(
                exitCode: 73,
                message: "\(ByteCount.text(missing)) did not stay in the cache: it is full, cannot be written, or is "
                    + "held by another program")
        }
    }

    private func bootSet(of chosen: ChosenVersion, _ index: ImageIndex) async throws -> [IndexedBlock] {
        let recorded = BootSetLibrary(places: places)
        let key = VersionKey(chosen)
        let published = recorded.recorded(key) == nil ? try await library.bootSet(of: chosen) : nil
        guard let bootSet = recorded.best(key, published: published) else {
            throw SessionFailure(
                exitCode: 66,
                message: "nobody has recorded what a start of \(key) needs: fetch it whole, or boot it once")
        }
        return try bootSet.blocks(of: index)
    }
}
