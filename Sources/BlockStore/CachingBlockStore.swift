import ContentAddress
import Synchronization

/// A cache before another store. However many wait for a block, it is fetched once.
package final class CachingBlockStore: BlockStore {
    /// One block between its first request and its place in the cache.
    private struct Flight {
        var request: BlockRequest
        var waiters: [Waiter]
        /// Set when the block is here, and waits for its place in the cache or is being written to it.
        var arrived: BlockBytes?
    }

    private struct Waiter {
        let completion: BlockCompletion
        /// Whether it fetches in order to keep: then it need not hear of the block before that has its place in the line.
        let isPatient: Bool
    }

    private final class Shard: Sendable {
        let flights = Mutex<[BlockID: Flight]>([:])
    }

    private let cache: BlockCache
    private let upstream: any BlockStore
    private let pool: DecodePool
    private let shards = (0..<64).map { _ in Shard() }
    private let counters = StoreCounters()

    package init(cache: BlockCache, upstream: any BlockStore, pool: DecodePool = .shared) {
        self.cache = cache
        self.upstream = upstream
        self.pool = pool
    }

    /// A snapshot; the numbers may be a block apart from each other.
    package var statistics: StoreStatistics { counters.snapshot(repaired: cache.repaired) }

    package func read(_ request: BlockRequest, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
        precondition(offset >= 0 && offset + buffer.count <= request.length, "a read past the block's end")
        if cache.read(request, at: offset, into: buffer) {
            counters.fromCache(buffer.count)
            return true
        }
        // Just fetched, and its file not written yet.
        let arrived = shard(request.id).flights.withLock { $0[request.id]?.arrived }
        guard let arrived, arrived.count == request.length else { return false }
        arrived.withUnsafeBytes {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<(offset + buffer.count)]))
        }
        return true
    }

    package func fetch(_ request: BlockRequest, completion: @escaping BlockCompletion) {
        enum Step {
            case start
            case wait(raise: Bool)
            case answer(BlockBytes)
            case passBy
        }
        let waiter = Waiter(completion: completion, isPatient: request.isForKeeping)
        let step = shard(request.id).flights.withLock { flights -> Step in
            guard let flight = flights[request.id] else {
                flights[request.id] = Flight(request: request, waiters: [waiter])
                return .start
            }
            // The same name for blocks that differ: one index or the other lies, and upstream will say which.
            guard flight.request.length == request.length, flight.request.algorithm == request.algorithm else {
                return .passBy
            }
            if let arrived = flight.arrived { return .answer(arrived) }
            let isMoreUrgent = request.priority > flight.request.priority
            flights[request.id]?.waiters.append(waiter)
            if isMoreUrgent { flights[request.id]?.request.priority = request.priority }
            return .wait(raise: isMoreUrgent)
        }
        switch step {
        case .start: pool.submit(request.id, request.priority) { _ in self.start(request.id) }
        case .wait(let isMoreUrgent): if isMoreUrgent { forward(raise: request.id) }
        case .answer(let bytes): completion(.success(bytes))
        case .passBy: upstream.fetch(request, completion: completion)
        }
    }

    /// Returns when every block that has arrived lies in the cache's folder, or will not be kept.
    /// - Parameter time: returns after it in any case, and at once when the task is cancelled.
    package func settle(within time: Duration = .seconds(86_400)) async {
        let end = ContinuousClock.now + time
        while ContinuousClock.now < end, shards.contains(where: { $0.flights.withLock { !$0.isEmpty } }) {
            // Who is cancelled does not wait.
            guard (try? await Task.sleep(for: .milliseconds(5))) != nil else { return }
        }
    }

    package func raise(_ id: BlockID) {
        let isRaised = shard(id).flights.withLock { flights in
            guard flights[id]?.request.priority == .prefetch else { return false }
            flights[id]?.request.priority = .demand
            return true
        }
        if isRaised { forward(raise: id) }
    }

    private func forward(raise id: BlockID) {
        pool.raise(id)
        upstream.raise(id)
    }

    /// On a thread that may block: the cache first, then upstream.
    private func start(_ id: BlockID) {
        guard let request = priorityNow(id) else { return }
        if let bytes = cache.load(request) {
            counters.fromCache(bytes.count)
            finish(id, .success(bytes))
            return
        }
        guard let request = priorityNow(id) else { return }
        upstream.fetch(request) { result in
            switch result {
            case .success(let bytes): self.keep(id, bytes)
            case .failure(let error):
                self.counters.failed(error)
                self.finish(id, .failure(error))
            }
        }
        // Raised after the look at the priority and before upstream knew of the request.
        if let now = priorityNow(id), now.priority > request.priority { upstream.raise(id) }
    }

    /// Answers those who wait. Who wants the bytes waits neither for the disk nor for its line; who fetches in order to keep waits
    /// while the line is too long.
    private func keep(_ id: BlockID, _ bytes: BlockBytes) {
        counters.fetched(bytes.transferred == 0 ? bytes.count : bytes.transferred)
        let isForKeeping = shard(id).flights.withLock { flights in
            flights[id]?.arrived = bytes
            return flights[id]?.waiters.contains { $0.isPatient } ?? false
        }
        answer(id, bytes) { !$0.isPatient }
        switch cache.keep(id, bytes, always: isForKeeping, done: { self.finish(id, .success(bytes)) }) {
        case .inLine: answer(id, bytes) { _ in true }
        // Who fetches in order to keep goes on at the disk's speed.
        case .pastTheEnd: break
        case .declined: finish(id, .success(bytes))
        }
    }

    /// Answers some of those who wait for a block that has arrived.
    private func answer(_ id: BlockID, _ bytes: BlockBytes, _ isMeant: (Waiter) -> Bool) {
        let waiters = shard(id).flights.withLock { flights -> [Waiter] in
            let waiters = flights[id]?.waiters.filter(isMeant) ?? []
            flights[id]?.waiters.removeAll(where: isMeant)
            return waiters
        }
        for waiter in waiters { waiter.completion(.success(bytes)) }
    }

    private func finish(_ id: BlockID, _ result: Result<BlockBytes, BlockStoreError>) {
        let flight = shard(id).flights.withLock { $0.removeValue(forKey: id) }
        flight?.waiters.forEach { $0.completion(result) }
    }

    private func priorityNow(_ id: BlockID) -> BlockRequest? {
        shard(id).flights.withLock { $0[id]?.request }
    }

    private func shard(_ id: BlockID) -> Shard {
        shards[id.withUnsafeBytes { Int($0[1] & 63) }]
    }
}
