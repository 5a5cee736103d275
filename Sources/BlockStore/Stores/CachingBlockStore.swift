import ContentAddress
import Linux
import Synchronization

/// A cache before another store. However many wait for a block, it is fetched once.
///
/// A read takes what the cache has on the reader's own thread. What it does not find is fetched with the time of that look, and
/// goes upstream at once; other fetches have the cache read by a thread that may wait for the disk. From its first fetch until
/// the cache has it, a block has an entry in the table of flights, which everybody else who wants it joins. The bytes are
/// handed out when they arrive and written afterwards, by the cache's own thread.
package final class CachingBlockStore: BlockStore {
    /// One block between its first request and its place in the cache.
    private struct Flight {
        enum Stage {
            /// Waits for a thread that looks into the cache.
            case waiting
            /// A thread looks into the cache.
            case looking
            /// Upstream was asked.
            case asked
            /// The block came, and waits for its place in the cache or is being written to it.
            case arrived(BlockBytes)
        }

        var request: BlockRequest
        var waiters: [Waiter]
        var stage: Stage
        /// How many of the waiters no longer wait. Which of them is not known, so all are answered in the end.
        var cancelled = 0

        var isGivenUp: Bool { cancelled >= waiters.count && !waiters.contains(where: \.isFirm) }

        var isAsked: Bool { if case .asked = stage { true } else { false } }
        var arrived: BlockBytes? { if case .arrived(let bytes) = stage { bytes } else { nil } }
    }

    private struct Waiter {
        let completion: BlockCompletion
        /// Whether it fetches in order to keep: then it need not hear of the block before that has its place in the queue.
        let isPatient: Bool
        /// Whether it goes on to wait, whatever is cancelled.
        let isFirm: Bool
    }

    private struct Table {
        var flights: [BlockID: Flight] = [:]
        /// When a block last left the table for the cache: whoever looked there before may have missed it.
        var lastLanding: UInt64 = 0
        /// What upstream was told to break off, and has not said that it did.
        var cancels = 0
    }

    private final class Shard: Sendable {
        let table = Mutex(Table())
    }

    private let cache: BlockCache
    private let upstream: any BlockStore
    private let lookups: DecodePool
    private let shards = (0..<64).map { _ in Shard() }
    private let counters = StoreCounters()

    package init(cache: BlockCache, upstream: any BlockStore, lookups: DecodePool = .lookups) {
        self.cache = cache
        self.upstream = upstream
        self.lookups = lookups
    }

    /// A snapshot; the numbers may be a block apart from each other.
    package var statistics: StoreStatistics { counters.snapshot(repaired: cache.repaired) }

    // What upstream has locally is fetched from it, and kept.
    package func read(_ request: BlockRequest, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
        precondition(offset >= 0 && offset + buffer.count <= request.length, "a read past the block's end")
        if cache.read(request, at: offset, into: buffer) {
            counters.fromCache(buffer.count)
            return true
        }
        // Just fetched, and its file not written yet.
        let arrived = shard(request.id).table.withLock { $0.flights[request.id]?.arrived }
        guard let arrived, arrived.count == request.length else { return false }
        arrived.withUnsafeBytes {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<(offset + buffer.count)]))
        }
        return true
    }

    package func fetch(_ request: BlockRequest, completion: @escaping BlockCompletion) {
        enum Step {
            case look
            case ask(BlockRequest)
            case wait
            case raise
            case answer(BlockBytes)
            case passBy
        }
        let id = request.id
        let waiter = Waiter(completion: completion, isPatient: request.isForKeeping, isFirm: request.isFirm)
        let step = shard(id).table.withLock { table -> Step in
            let isMissing = request.missedAt.map { $0 > table.lastLanding } ?? false
            guard let flight = table.flights[id] else {
                table.flights[id] = Flight(
                    request: request, waiters: [waiter], stage: isMissing ? .asked : .waiting)
                return isMissing ? .ask(request) : .look
            }
            // The same name for blocks that differ: one index or the other lies, and upstream will say which.
            guard flight.request.length == request.length, flight.request.algorithm == request.algorithm else {
                return .passBy
            }
            if let arrived = flight.arrived { return .answer(arrived) }
            table.flights[id]?.waiters.append(waiter)
            let isMoreUrgent = request.priority > flight.request.priority
            if isMoreUrgent { table.flights[id]?.request.priority = request.priority }
            // Whoever has looked need not wait for those whose turn to look has not come.
            if case .waiting = flight.stage, isMissing, let joined = table.flights[id]?.request {
                table.flights[id]?.stage = .asked
                return .ask(joined)
            }
            return isMoreUrgent && flight.isAsked ? .raise : .wait
        }
        switch step {
        case .look: lookups.submit { _ in self.look(id) }
        case .ask(let request): ask(request)
        case .wait: break
        case .raise: upstream.raise(id)
        case .answer(let bytes): completion(.success(bytes))
        case .passBy: upstream.fetch(request, completion: completion)
        }
    }

    package func raise(_ id: BlockID) {
        let isForUpstream = shard(id).table.withLock { table in
            guard let flight = table.flights[id], flight.request.priority == .prefetch else { return false }
            table.flights[id]?.request.priority = .demand
            return flight.isAsked
        }
        if isForUpstream { upstream.raise(id) }
    }

    package func cancel(_ id: BlockID) {
        let isForUpstream = shard(id).table.withLock { table in
            guard let flight = table.flights[id], flight.arrived == nil, !flight.isGivenUp else { return false }
            table.flights[id]?.cancelled += 1
            guard flight.isAsked, table.flights[id]?.isGivenUp == true else { return false }
            table.cancels += 1
            return true
        }
        if isForUpstream { upstream.cancel(id) }
    }

    /// Returns when every block that has arrived lies in the cache's folder, or will not be kept.
    /// - Parameter time: returns after it in any case, and at once when the task is cancelled.
    package func settle(within time: Duration = .seconds(86_400)) async {
        let end = ContinuousClock.now + time
        while ContinuousClock.now < end, shards.contains(where: { $0.table.withLock { !$0.flights.isEmpty } }) {
            // A cancelled task does not wait.
            guard (try? await Task.sleep(for: .milliseconds(5))) != nil else { return }
        }
    }

    /// On a thread that may wait for the disk: the cache first, then upstream.
    private func look(_ id: BlockID) {
        let request = shard(id).table.withLock { table -> BlockRequest? in
            // Somebody who had looked has asked upstream meanwhile.
            guard let flight = table.flights[id], case .waiting = flight.stage else { return nil }
            table.flights[id]?.stage = .looking
            return flight.request
        }
        guard let request else { return }
        if let bytes = cache.load(request) {
            counters.fromCache(bytes.count)
            return finish(id, .success(bytes))
        }
        goOn(
            shard(id).table.withLock { table in
                guard let flight = table.flights[id], !flight.isGivenUp else {
                    return .over(table.flights.removeValue(forKey: id)?.waiters ?? [])
                }
                table.flights[id]?.stage = .asked
                return .ask(flight.request)
            })
    }

    /// What becomes of a flight that somebody may have given up: decided, and its end taken from the table, under one lock, so that
    /// nobody joins a flight that is over.
    private enum Course {
        case ask(BlockRequest)
        case over([Waiter])
    }

    private func goOn(_ course: Course) {
        switch course {
        case .ask(let request): ask(request)
        case .over(let waiters):
            counters.failed(.closed)
            for waiter in waiters { waiter.completion(.failure(.closed)) }
        }
    }

    private func ask(_ request: BlockRequest) {
        let id = request.id
        upstream.fetch(request) { result in
            switch result {
            case .success(let bytes): self.keep(id, bytes)
            case .failure(.closed): self.brokenOff(id)
            case .failure(let error): self.finish(id, .failure(error))
            }
        }
        // What was said before upstream knew of the request was lost on it.
        let (isRaised, isGivenUp) = shard(id).table.withLock { table in
            guard let flight = table.flights[id], flight.isAsked else { return (false, false) }
            if flight.isGivenUp { table.cancels += 1 }
            return (flight.request.priority > request.priority, flight.isGivenUp)
        }
        if isRaised { upstream.raise(id) }
        if isGivenUp { upstream.cancel(id) }
    }

    /// Upstream did what a cancel told it to, or is closed. In the first case it is asked again for those who joined too late for the
    /// cancel, or whom somebody else's cancel met that came late.
    private func brokenOff(_ id: BlockID) {
        goOn(
            shard(id).table.withLock { table in
                let isOurDoing = table.cancels > 0
                if isOurDoing { table.cancels -= 1 }
                guard isOurDoing, let flight = table.flights[id], !flight.isGivenUp else {
                    return .over(table.flights.removeValue(forKey: id)?.waiters ?? [])
                }
                return .ask(flight.request)
            })
    }

    /// Answers those who wait. Whoever wants the bytes waits neither for the disk nor for its queue; whoever fetches in order to
    /// keep waits while the queue is too long.
    private func keep(_ id: BlockID, _ bytes: BlockBytes) {
        counters.fetched(bytes.transferred == 0 ? bytes.count : bytes.transferred)
        let isForKeeping = shard(id).table.withLock { table in
            table.flights[id]?.stage = .arrived(bytes)
            return table.flights[id]?.waiters.contains { $0.isPatient } ?? false
        }
        answer(id, bytes) { !$0.isPatient }
        switch cache.keep(id, bytes, always: isForKeeping, done: { self.finish(id, .success(bytes)) }) {
        case .queued: answer(id, bytes) { _ in true }
        // Whoever fetches in order to keep goes on at the disk's speed.
        case .beyondLimit: break
        case .declined: finish(id, .success(bytes))
        }
    }

    /// Answers some of those who wait for a block that has arrived.
    private func answer(_ id: BlockID, _ bytes: BlockBytes, _ isMeant: (Waiter) -> Bool) {
        let waiters = shard(id).table.withLock { table -> [Waiter] in
            let waiters = table.flights[id]?.waiters.filter(isMeant) ?? []
            table.flights[id]?.waiters.removeAll(where: isMeant)
            return waiters
        }
        for waiter in waiters { waiter.completion(.success(bytes)) }
    }

    private func finish(_ id: BlockID, _ result: Result<BlockBytes, BlockStoreError>) {
        if case .failure(let error) = result { counters.failed(error) }
        let flight = shard(id).table.withLock { table in
            let flight = table.flights.removeValue(forKey: id)
            // What the cache had it has had all the time.
            if flight?.arrived != nil { table.lastLanding = MonotonicClock.nanoseconds }
            return flight
        }
        flight?.waiters.forEach { $0.completion(result) }
    }

    private func shard(_ id: BlockID) -> Shard { shards[CachingBlockStore.shard(of: id)] }

    /// Pieces of one file differ in their last bytes only.
    static func shard(of id: BlockID) -> Int { id.withUnsafeBytes { Int(($0[1] ^ $0[31]) & 63) } }
}

/// What a ``CachingBlockStore`` has done since it was made.
package struct StoreStatistics: Sendable, Equatable {
    /// Bytes that came over the wire, compressed.
    package var bytesFetched = 0
    /// Uncompressed bytes that the cache gave.
    package var bytesFromCache = 0
    /// Blocks that the upstream store gave.
    package var fetches = 0
    /// Damaged blocks in the cache that were found and dropped.
    package var repaired = 0
    /// The last failure of a fetch; nil when there was none, or a later one went well.
    package var lastError: String?
}

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
