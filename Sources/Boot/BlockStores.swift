import BlockStore
import Catalog
import Curl
import Glibc
import Linux

extension BlockCache {
    /// The user's cache as the configuration names it; made when absent.
    package static func open(places: Places, configuration: Configuration) -> BlockCache {
        let limit = configuration.cacheLimit.map { CacheLimit.bytes(Int(clamping: $0)) } ?? .automatic
        return BlockCache(directory: configuration.cacheDirectory ?? places.cache, limit: limit)
    }
}

/// The chain that gives a version's blocks: cache, then the publisher's tree and its mirrors.
package struct BlockStores: Sendable {
    package let caching: CachingBlockStore
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
        caching = CachingBlockStore(cache: cache, upstream: mirrors)
    }

    /// Ends what waits; nothing can be fetched afterwards.
    package func close() { mirrors.close() }
}
