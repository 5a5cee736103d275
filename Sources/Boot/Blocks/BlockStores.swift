import BlockStore
import Catalog
import ContentAddress
import Curl
import ImageIndex
import Linux

extension BlockCache {
    /// The user's cache as the configuration names it; created if absent.
    /// - Parameter observer: told what the cache cannot do, from any thread; it must not wait.
    package static func open(
        places: Places, configuration: Configuration, observer: (@Sendable (CacheWarning) -> Void)? = nil
    ) -> BlockCache {
        let limit = configuration.cacheLimit.map { CacheLimit.bytes(Int(clamping: $0)) } ?? .automatic
        let directory = configuration.cacheDirectory ?? places.cache
        return BlockCache(
            directory: directory, limit: limit, ledgers: places.ledgers, neighbour: WarmLibrary(cache: directory),
            observer: observer)
    }
}

extension PiecePlaces {
    /// Where an index says that the pieces are.
    /// - Throws: ``ImageIndexError``.
    package init(_ index: ImageIndex) throws {
        var offsets: [BlockID: UInt64] = [:]
        offsets.reserveCapacity(index.count)
        try index.forEachBlock { if !$0.isHole { offsets[$0.id] = $0.offset } }
        self.init(offsets)
    }
}

extension Places {
    /// Where it is written what the pieces of vendors' files were when they first came.
    package var ledgers: LedgerFolder { LedgerFolder(path: "\(state)/vendors/ledgers") }
}

/// The chain that provides a version's blocks: the cache, then the publisher's tree and its mirrors.
package struct BlockStores: Sendable {
    package let caching: CachingBlockStore
    private let cache: BlockCache
    private let mirrors: MirroredBlockStore
    /// Of a packed file, what makes its blocks again.
    private let remade: RemadeBlockStore?
    /// The places of a vendor's file, in their order; nil for a file of this machine.
    private let ranges: [RangeBlockStore?]
    /// Of a file whose index has made-up ids.
    package let ledger: PieceLedger?
    /// Whether the blocks are pieces of a vendor's file.
    package let isOfPieces: Bool
    /// Blocks to ask for at a time where all of them are wanted: pieces of a file become long requests.
    private var parallel: Int { isOfPieces ? 64 : 32 }
    /// Pieces of a vendor's file that a place may make one request of.
    private static let joins = 8

    /// - Parameters:
    ///   - locations: block stores: http, https or file; in order of preference if they are about equally fast.
    ///   - layout: how the stores name their files.
    ///   - failures: told of every failure of a mirror, from any thread.
    package init(
        locations: [TransferPlace], layout: HTTPBlockStore.Layout = .chunks, cache: BlockCache,
        transfers: TransferQueue,
        policy: RetryPolicy,
        failures: (@Sendable (BlockStoreError) -> Void)? = nil
    ) {
        mirrors = MirroredBlockStore(
            locations.map { BlockStores.store(at: $0, layout, transfers) }, policy: policy,
            parallel: transfers.maximumInFlight, observer: failures)
        self.cache = cache
        ledger = nil
        ranges = []
        isOfPieces = false
        remade = nil
        caching = CachingBlockStore(cache: cache, upstream: mirrors)
    }

    /// The chain for a vendor's file, of which the blocks are pieces: the cache, then the servers that have the file.
    /// - Parameters:
    ///   - file: its size and places.
    ///   - index: of the file's pieces.
    ///   - ledger: what the pieces are compared with whose ids the index makes up; nil where every id is a digest that somebody has signed.
    ///   - others: block stores that have the pieces, too.
    ///   - failures: told of every failure of a place, from any thread.
    /// - Throws: ``ImageIndexError``.
    package init(
        file: RangedFile, index: ImageIndex, ledger: PieceLedger?, others: [TransferPlace] = [], cache: BlockCache,
        transfers: TransferQueue, policy: RetryPolicy, failures: (@Sendable (BlockStoreError) -> Void)? = nil
    ) throws {
        let pieces = try PiecePlaces(index)
        let places = file.places.map { place -> (any BlockStore, RangeBlockStore?) in
            if let path = URLText.path(ofFile: place.place.url) {
                return (FilePieceStore(path: path, size: file.size, pieces: pieces), nil)
            }
            let store = RangeBlockStore(
                place, size: file.size, pieces: pieces, isVerified: ledger == nil,
                isOnly: file.places.count + others.count == 1, queue: transfers)
            return (store, store)
        }
        ranges = places.map(\.1)
        mirrors = MirroredBlockStore(
            places.map(\.0) + others.map { BlockStores.store(at: $0, .chunks, transfers) }, policy: policy,
            parallel: transfers.maximumInFlight, joins: BlockStores.joins, observer: failures)
        self.cache = cache
        self.ledger = ledger
        isOfPieces = true
        remade = nil
        caching = CachingBlockStore(cache: cache, upstream: mirrors)
    }

    /// The chain for blocks that were made here: the cache, and what makes all of them again where one is missing there.
    package init(
        remake: @escaping @Sendable () async throws -> Void, cache: BlockCache, policy: RetryPolicy,
        failures: (@Sendable (BlockStoreError) -> Void)? = nil
    ) {
        let remade = RemadeBlockStore(cache: cache, remake: remake)
        self.remade = remade
        mirrors = MirroredBlockStore([remade], policy: policy, observer: failures)
        self.cache = cache
        ledger = nil
        ranges = []
        isOfPieces = false
        caching = CachingBlockStore(cache: cache, upstream: mirrors)
    }

    /// What is pinned of each place of a vendor's file, in their order; nil for one that was not asked.
    package var pinned: [PinnedURL?] { ranges.map { $0?.pinned } }

    /// Whether every place of a vendor's file has another one now.
    package var haveAllChanged: Bool { !ranges.isEmpty && ranges.allSatisfy { $0?.hasChanged == true } }

    private static func store(
        at location: TransferPlace, _ layout: HTTPBlockStore.Layout, _ transfers: TransferQueue
    ) -> any BlockStore {
        // A folder is read as a folder: what is in it may be uncompressed, and need not go through a queue.
        if layout == .chunks, let path = URLText.path(ofFile: location.url) {
            return DirectoryBlockStore(directory: path)
        }
        return HTTPBlockStore(baseURL: location.url, reach: location.reach, layout: layout, queue: transfers)
    }

    /// Keeps the pieces that a file's first bytes are, so that they need not be asked for again. Waits for the disk, on a thread of its own.
    /// - Parameters:
    ///   - head: as it came with the probe.
    ///   - index: of the file's pieces.
    /// - Throws: ``BlockStoreError/corrupt(_:place:reason:)`` where it is not what these pieces are, ``ImageIndexError``,
    ///   ``SystemCallError``.
    package func keep(head: [UInt8], of index: ImageIndex, place: String) async throws {
        let (cache, ledger) = (cache, ledger)
        try await WorkerThread.run(name: "cache") {
            let decoder = ChunkDecoder()
            for position in 0..<index.count {
                let block = try index.block(at: position)
                guard block.end <= UInt64(head.count) else { break }
                if block.isHole { continue }
                let request = BlockRequest(
                    id: block.id, length: block.length, algorithm: index.algorithm, ledger: ledger)
                try head.withUnsafeBytes { head in
                    let part = UnsafeRawBufferPointer(rebasing: head[Int(block.offset)..<Int(block.end)])
                    cache.store(block.id, try decoder.decode(uncompressed: part, for: request, place: place))
                }
            }
        }
    }

    /// What is fetched ahead through these stores.
    func prefetch(of index: ImageIndex, _ states: BlockStates) -> Prefetch {
        Prefetch(
            index: index, store: caching, cache: cache, states: states, ledger: ledger, isOfPieces: isOfPieces)
    }

    /// Ends all waiting fetches; nothing can be fetched afterwards.
    package func close() {
        mirrors.close()
        remade?.close()
    }

    /// Tries in a row that kept no further block, and seconds for which another process holds the cache, before giving up.
    private static let mostFruitless = 5
    private static let longestHold = 60.0
    /// Blocks that are fetched before checking whether the cache kept them: at most so many are fetched in vain each time.
    private static let slice = 256

    /// Fetches blocks and makes sure that the cache has them. What it declined because another process held it is fetched again;
    /// nothing is fetched while that lasts.
    /// - Parameter progress: called after every block, one call at a time.
    /// - Returns: bytes that the cache still does not have.
    /// - Throws: as ``ImageFetch/run(_:priority:progress:)``.
    package func keep(
        _ blocks: [IndexedBlock], of index: ImageIndex, progress: (ImageFetch.Progress) -> Void = { _ in }
    ) async throws -> UInt64 {
        let cache = cache
        let fetch = ImageFetch(index: index, store: caching, parallel: parallel, ledger: ledger)
        var state = ImageFetch.Progress()
        state.totalBytes = blocks.reduce(0) { $0 + UInt64($1.length) }
        state.totalBlocks = blocks.count
        progress(state)
        var missing: UInt64 = 0
        for start in stride(from: 0, to: blocks.count, by: BlockStores.slice) {
            let end = min(start + BlockStores.slice, blocks.count)
            let before = state
            let (left, isHeld) = try await keep(Array(blocks[start..<end]), by: fetch) { slice in
                state.doneBytes = before.doneBytes + slice.doneBytes
                state.doneBlocks = before.doneBlocks + slice.doneBlocks
                progress(state)
            }
            missing += left
            guard isHeld else { continue }
            let rest = Array(blocks[end...])
            return try await WorkerThread.run(name: "cache") { [missing] in
                rest.reduce(missing) { cache.contains($1.id) ? $0 : $0 + UInt64($1.length) }
            }
        }
        return missing
    }

    /// - Returns: bytes that the cache still does not have, and whether it is held for too long.
    private func keep(
        _ blocks: [IndexedBlock], by fetch: ImageFetch, progress: (ImageFetch.Progress) -> Void
    ) async throws -> (missing: UInt64, isHeld: Bool) {
        let cache = cache
        var wanted = blocks
        var isFirst = true
        var fruitless = 0
        while true {
            let declined = cache.declined
            try await fetch.run(wanted, priority: .demand) { if isFirst { progress($0) } }
            isFirst = false
            await caching.settle()
            try Task.checkCancellation()
            let missing = try await WorkerThread.run(name: "cache") { [wanted] in
                wanted.filter { !cache.contains($0.id) }
            }
            fruitless = missing.count < wanted.count ? 0 : fruitless + 1
            let bytes = missing.reduce(0) { $0 + UInt64($1.length) }
            // A cache that is full or not writable will be so the next time.
            if missing.isEmpty || cache.declined == declined { return (bytes, false) }
            let isFree = try await WorkerThread.run(name: "cache") { cache.isFree(within: BlockStores.longestHold) }
            if !isFree || fruitless == BlockStores.mostFruitless { return (bytes, true) }
            wanted = missing
        }
    }
}
