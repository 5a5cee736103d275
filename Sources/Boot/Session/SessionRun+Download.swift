import BlockStore
import Curl
import Linux

extension SessionRun {
    /// Fetches and unpacks what must be here before the start, which nothing of most versions must.
    func readied(
        _ image: VersionImage, _ systems: SystemsLibrary, _ cache: BlockCache, _ transfers: TransferQueue
    ) async throws -> VersionImage {
        let fetch = VersionFetch(
            places: places, systems: systems, cache: cache, transfers: transfers,
            failures: { [self] in state.note(error: describe($0)) })
        let ready = try await fetch.readied(image) { [self] progress in
            state.update {
                $0.download = .init(stage: progress.stage, done: progress.done, total: progress.total)
                $0.bytesFetched = progress.downloaded
            }
        }
        if state.snapshot.download != nil { state.clearError() }
        state.update { $0.download = nil }
        try checkNotStopped()
        return ready
    }
}
