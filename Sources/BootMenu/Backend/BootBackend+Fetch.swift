import Boot

/// Downloading versions for offline use.
extension BootBackend {
    package func fetch(
        _ image: VersionKey, _ extent: VersionFetch.Extent
    ) -> AsyncThrowingStream<MenuProgress, any Error> {
        // Only the newest counts: nobody reads a thousand a second.
        AsyncThrowingStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            let task = Task {
                do {
                    let fetch = VersionFetch(
                        places: places, systems: systems, cache: cacheOfUser, transfers: transfers)
                    let meter = RateMeter()
                    try await fetch.run(try chosen(image), extent) { state in
                        let rate = meter.rate(count: state.downloaded)
                        continuation.yield(MenuProgress(done: state.done, total: state.total, rate: rate))
                    }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}
