import BlockStore
import Catalog
import ContentAddress
import Curl
import GuestDomain
import ImageIndex
import Linux

/// The guests of versions that publishers saved asleep: which of them this machine can go on with, and how their bytes get into the library
/// of warm states, where they are as good as one that was made here.
struct PublishedStates: Sendable {
    let catalogs: CatalogLibrary
    let library: WarmLibrary
    let cache: BlockCache
    let transfers: TransferQueue
    let reserve: DiskReserve

    init(_ catalogs: CatalogLibrary, _ cache: BlockCache, _ transfers: TransferQueue, _ reserve: DiskReserve) {
        (self.catalogs, self.cache, self.transfers, self.reserve) = (catalogs, cache, transfers, reserve)
        library = WarmLibrary(cache: cache.directory)
    }

    /// A published state that a start could go on from. Nothing of it is here yet but record and index.
    struct Offer: Sendable {
        let version: ChosenVersion
        let record: PublishedRecord
        let index: ImageIndex
        /// ``WarmNeeds/key``.
        let key: String
        /// Blocks that are not in the cache.
        let missing: [IndexedBlock]

        /// Bytes to fetch. What is packed is not packed again by the blocks.
        var bytes: UInt64 { missing.reduce(0) { $0 + UInt64($1.length) } }
    }

    /// What there is for a start.
    enum Finding: Sendable {
        case offer(Offer)
        case none
        /// There are some, of which none fits: why the last does not, in words that go on after "the published warm state is not used: ".
        case misfit(String)
    }

    /// Looks for the published state that a start asks for, and compares its record with this machine, before anything large is fetched.
    /// - Throws: what fetching record or index throws, for the last state that was looked at.
    func find(
        _ version: ChosenVersion, _ needs: WarmNeeds, on connection: HypervisorConnection
    ) async throws -> Finding {
        try await find(version, needs) { machine, processor in
            try await connection.obstacle(
                machine: machine, processor: processor, needs.guest.accelerator, needs.guest.architecture)
        }
    }

    /// - Parameter obstacle: why no guest can have a machine and a processor here; nil where it can.
    func find(
        _ version: ChosenVersion, _ needs: WarmNeeds,
        obstacle: (_ machine: String, _ processor: String) async throws -> String?
    ) async throws -> Finding {
        var (misfit, failure): (String?, (any Error)?) = (nil, nil)
        for state in version.version.warm where state.accelerator == needs.guest.accelerator.rawValue {
            do {
                if let reason = try await obstacle(state.machine, state.processor) {
                    misfit = reason
                    continue
                }
                let record = try PublishedRecord(
                    try await catalogs.warmRecord(of: state, version), of: version, state)
                // Of other memory or with another screen: it is for other settings, and no misfit.
                guard WarmNeeds.key(record.state.image, record.state.guest) == needs.key else { continue }
                if let reason = record.state.misfit(with: needs) {
                    misfit = reason
                    continue
                }
                if let reason = try await tried(record, needs) {
                    misfit = reason
                    continue
                }
                let offer = try await offer(version, state, record, needs.key)
                if let reason = try await lackOfRoom(offer) {
                    misfit = reason
                    continue
                }
                return .offer(offer)
            } catch PublishedStateError.record(let reason) {
                misfit = "its record is refused: \(reason)"
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return misfit.map { .misfit($0) } ?? Finding.none
    }

    /// Why one that has failed here does not come again and again; nil where it has not.
    private func tried(_ record: PublishedRecord, _ needs: WarmNeeds) async throws -> String? {
        try await WorkerThread.run(name: "warm state") { [library] in
            library.tried(record.state.ownName, needs.emulator)
        }
    }

    /// Blocks and files are there at the same time, for a while, and push nothing out.
    private func lackOfRoom(_ offer: Offer) async throws -> String? {
        let (bytes, cache) = (offer.bytes + offer.index.imageSize, cache)
        let hasRoom = try await WorkerThread.run(name: "warm state") { cache.hasRoom(for: Int(clamping: bytes)) }
        return hasRoom
            ? nil
            : "the cache has no room for it: raise cache.limit, or make room with 'oscircular cache prune --to SIZE'"
    }

    private func offer(
        _ version: ChosenVersion, _ state: PublishedWarmState, _ record: PublishedRecord, _ key: String
    ) async throws -> Offer {
        let path = try await catalogs.warmIndex(of: state, version)
        return try await WorkerThread.run(name: "warm index") { [cache] in
            let index = try ImageIndex(path: path)
            guard index.imageSize == state.size else {
                throw PublishedStateError.record("its index has another length than the catalog says")
            }
            let blocks = try index.distinctBlocks()
            return Offer(
                version: version, record: record, index: index, key: key,
                missing: blocks.filter { !cache.contains($0.id) })
        }
    }

    // MARK: Fetching

    /// Fetches a state while its guest is waited for, as long as that is sooner there than one that boots.
    /// - Parameters:
    ///   - name: of the session, whose blocks are not evicted.
    ///   - progress: bytes that have come, a few times a second.
    /// - Returns: whether it is in the library now.
    /// - Throws: ``PublishedStateError``, `BlockStoreError`, ``SystemCallError``; CancellationError.
    func bring(
        _ offer: Offer, while price: WarmPrice, name: String, progress: @escaping @Sendable (UInt64) -> Void
    ) async throws -> Bool {
        try await keeping(offer, name) { stores in
            guard try await fetch(offer, stores, while: price, progress) else { return false }
            return try await assemble(offer)
        }
    }

    /// - Returns: whether all of its blocks are in the cache.
    private func fetch(
        _ offer: Offer, _ stores: BlockStores, while price: WarmPrice, _ progress: @escaping @Sendable (UInt64) -> Void
    ) async throws -> Bool {
        let begun = MonotonicClock.nanoseconds
        return try await withTaskCancellationHandler {
            try await withThrowingTaskGroup(of: Bool.self) { group in
                group.addTask { try await stores.keep(offer.missing, of: offer.index) == 0 }
                group.addTask {
                    var (last, news) = (UInt64(0), begun)
                    while true {
                        let done = UInt64(stores.caching.statistics.bytesFetched)
                        let now = MonotonicClock.nanoseconds
                        if done != last { (last, news) = (done, now) }
                        progress(done)
                        let verdict = price.verdict(
                            done: done, after: Double(now - begun) / 1e9, still: Double(now - news) / 1e9)
                        if verdict == .boot { return false }
                        try await Task.sleep(for: .milliseconds(100))
                    }
                }
                // What waits for blocks ends, and what came meanwhile is there for the next time.
                defer { stores.close() }
                let first = try await group.next() ?? false
                group.cancelAll()
                return first
            }
        } onCancel: {
            stores.close()
        }
    }

    /// Fetches a state for the next start, behind all that anybody waits for.
    /// - Throws: as ``bring(_:while:name:progress:)``.
    func bringBehind(_ offer: Offer, name: String) async throws {
        _ = try await keeping(offer, name) { stores in
            try await withTaskCancellationHandler {
                let fetch = ImageFetch(index: offer.index, store: stores.caching, parallel: 4)
                try await fetch.run(offer.missing, priority: .prefetch)
                guard try await stores.keep(offer.missing, of: offer.index) == 0 else { return false }
                return try await assemble(offer)
            } onCancel: {
                stores.close()
            }
        }
    }

    /// Keeps the blocks of a state from eviction while `body` makes it of them. Of one that was made they are of no use any more.
    /// - Returns: what `body` gives: whether the state was made.
    private func keeping(
        _ offer: Offer, _ name: String, _ body: (BlockStores) async throws -> Bool
    ) async throws -> Bool {
        let stores = stores(of: offer)
        defer { stores.close() }
        let isMade: Bool
        do {
            let protection = await protect(offer, name)
            defer { withExtendedLifetime(protection) {} }
            isMade = try await body(stores)
        }
        if isMade {
            let cache = cache
            // What stays is evicted some day.
            _ = try? await WorkerThread.run(name: "warm state") {
                // What was here before is another's too.
                try cache.remove(Set(offer.missing.map(\.id)))
            }
        }
        return isMade
    }

    private func stores(of offer: Offer) -> BlockStores {
        BlockStores(
            locations: offer.version.blockLocations, cache: cache, transfers: transfers, policy: .rounds(5))
    }

    private func protect(_ offer: Offer, _ name: String) async -> CacheProtection? {
        let (cache, ids) = (cache, offer.missing.map(\.id))
        // What is evicted is downloaded again, or the guest boots.
        return try? await WorkerThread.run(name: "protect") { try cache.protect("\(name)-warm", ids) }
    }

    /// Makes the state of blocks that are all in the cache.
    /// - Returns: false where somebody else makes the same just now.
    private func assemble(_ offer: Offer) async throws -> Bool {
        let (library, cache, reserve) = (library, cache, reserve)
        return try await WorkerThread.run(name: "warm state") {
            guard let unfinished = try library.begin(offer.key) else { return false }
            do {
                try StateAssembly(offer.record, offer.index, cache, reserve).write(to: unfinished.folder)
                try unfinished.finish(offer.record.state)
            } catch {
                unfinished.discard()
                throw error
            }
            return true
        }
    }
}

extension ImageIndex {
    /// The different blocks, in order, without holes.
    /// - Throws: ``ImageIndexError``.
    fileprivate func distinctBlocks() throws -> [IndexedBlock] {
        var (seen, blocks) = (Set<BlockID>(), [IndexedBlock]())
        try forEachBlock { if !$0.isHole, seen.insert($0.id).inserted { blocks.append($0) } }
        return blocks
    }
}
