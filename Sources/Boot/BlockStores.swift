import BlockStore
import Catalog
import Curl
import Glibc
import ImageIndex
import Linux

extension BlockCache {
    /// The user's cache as the configuration names it; made when absent.
    /// - Parameter observer: told what the cache cannot do, from any thread; it must not block.
    package static func open(
        places: Places, configuration: Configuration, observer: (@Sendable (CacheWarning) -> Void)? = nil
    ) -> BlockCache {
        let limit = configuration.cacheLimit.map { CacheLimit.bytes(Int(clamping: $0)) } ?? .automatic
        return BlockCache(
            directory: configuration.cacheDirectory ?? places.cache, limit: limit, observer: observer)
    }
}

/// The chain that gives a version's blocks: cache, then the publisher's tree and its mirrors.
package struct BlockStores: Sendable {
    package let caching: CachingBlockStore
    private let cache: BlockCache
    private let mirrors: MirroredBlockStore

    /// - Parameters:
    ///   - locations: URLs of block stores: http, https or file; in the order of preference where they hardly differ.
    ///   - layout: how the stores name their files.
    ///   - failures: told of every failure of a mirror, from any thread.
    package init(
        locations: [String], layout: HTTPBlockStore.Layout = .chunks, cache: BlockCache, transfers: TransferQueue,
        policy: RetryPolicy,
        failures: (@Sendable (BlockStoreError) -> Void)? = nil
    ) {
        mirrors = MirroredBlockStore(
            locations.map { location -> any BlockStore in
                // A folder is read as one: what is in it may be uncompressed, and need not go through a queue.
                if layout == .chunks, let path = URLText.path(ofFile: location) {
                    return DirectoryBlockStore(directory: path)
                }
                return HTTPBlockStore(baseURL: location, layout: layout, queue: transfers)
            }, policy: policy, parallel: transfers.maximumInFlight, observer: failures)
        self.cache = cache
        caching = CachingBlockStore(cache: cache, upstream: mirrors)
    }

    /// Ends what waits; nothing can be fetched afterwards.
    package func close() { mirrors.close() }

    /// Tries without any block more kept, in a row, and seconds of another process's holding the cache, until it is given up.
    private static let mostFruitless = 5
    private static let longestHold = 60.0

    /// Fetches blocks and sees to it that the cache has them. What it declined, since another process held it, is fetched again.
    /// - Parameter progress: called after every block, one call at a time.
    /// - Returns: bytes that the cache does not have all the same.
    /// - Throws: as ``ImageFetch/run(_:priority:progress:)``.
    package func keep(
        _ blocks: [IndexedBlock], of index: ImageIndex, progress: (ImageFetch.Progress) -> Void = { _ in }
    ) async throws -> UInt64 {
        let cache = cache
        let fetch = ImageFetch(index: index, store: caching)
        var wanted = blocks
        var fruitless = 0
        while true {
            let declined = cache.declined
            try await fetch.run(wanted, priority: .demand) { if wanted.count == blocks.count { progress($0) } }
            await caching.settle()
            let missing = try await WorkerThread.run(name: "cache") { [wanted] in
                wanted.filter { !cache.contains($0.id) }
            }
            fruitless = missing.count < wanted.count ? 0 : fruitless + 1
            // A cache that is full, or cannot be written, is so the next time.
            let isHopeless = cache.declined == declined || fruitless == BlockStores.mostFruitless
            let isFree = try await WorkerThread.run(name: "cache") {
                missing.isEmpty || isHopeless || cache.isFree(within: BlockStores.longestHold)
            }
            if missing.isEmpty || isHopeless || !isFree { return missing.reduce(0) { $0 + UInt64($1.length) } }
            wanted = missing
        }
    }
}
