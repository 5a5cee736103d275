import Synchronization

/// The numbers behind ``StoreStatistics``; any thread.
final class StoreCounters: Sendable {
    private let bytesFetched = Atomic<Int>(0)
    private let bytesFromCache = Atomic<Int>(0)
    private let fetches = Atomic<Int>(0)
    private let lastError = Mutex<BlockStoreError?>(nil)

    func fetched(_ bytes: Int) {
        bytesFetched.add(bytes, ordering: .relaxed)
        fetches.add(1, ordering: .relaxed)
        lastError.withLock { $0 = nil }
    }

    func fromCache(_ bytes: Int) { bytesFromCache.add(bytes, ordering: .relaxed) }

    func failed(_ error: BlockStoreError) { lastError.withLock { $0 = error } }

    func snapshot(repaired: Int) -> StoreStatistics {
        StoreStatistics(
            bytesFetched: bytesFetched.load(ordering: .relaxed),
            bytesFromCache: bytesFromCache.load(ordering: .relaxed), fetches: fetches.load(ordering: .relaxed),
            repaired: repaired, lastError: lastError.withLock { $0.map { "\($0)" } })
    }
}
