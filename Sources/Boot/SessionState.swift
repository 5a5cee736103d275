import BlockStore
import ImageIndex
import ImageMount
import Linux
import Synchronization

/// A session's status, put together from what its parts know. Any thread may read it.
final class SessionState: Sendable {
    private struct Sources {
        var status: SessionStatus
        var stores: BlockStores?
        var arrived: ArrivedBlocks?
    }

    private let sources: Mutex<Sources>
    private let meter = RateMeter()
    init(_ status: SessionStatus) { sources = Mutex(Sources(status: status)) }

    func update(_ body: (inout SessionStatus) -> Void) { sources.withLock { body(&$0.status) } }

    /// From now on the counts come from these.
    func attach(stores: BlockStores, arrived: ArrivedBlocks) {
        sources.withLock {
            $0.stores = stores
            $0.arrived = arrived
        }
    }

    /// Notes a failure that is being dealt with.
    func note(error: String) { sources.withLock { $0.status.lastError = error } }

    /// Whatever failed is over.
    func clearError() { sources.withLock { $0.status.lastError = nil } }

    var snapshot: SessionStatus {
        var (status, stores, arrived) = sources.withLock { ($0.status, $0.stores, $0.arrived) }
        if let statistics = stores?.caching.statistics {
            status.bytesFetched = UInt64(statistics.bytesFetched)
            status.bytesFromCache = UInt64(statistics.bytesFromCache)
        }
        if let arrived { status.blocksHere = arrived.count }
        status.rate = meter.rate(count: status.bytesFetched)
        return status
    }
}

/// How many blocks of an image are here: those at the start, and those that reads brought since.
final class ArrivedBlocks: Sendable {
    private let positions: Mutex<Set<Int>>
    private let holes: Int

    /// Looks every block up once. Blocks on the local disk.
    init(index: ImageIndex, cache: BlockCache) {
        var here = Set<Int>()
        var holes = 0
        try? index.forEachBlock { block in
            if block.isHole {
                holes += 1
            } else if cache.contains(block.id) {
                here.insert(block.position)
            }
        }
        positions = Mutex(here)
        self.holes = holes
    }

    func insert(_ position: Int) { positions.withLock { _ = $0.insert(position) } }

    var count: Int { positions.withLock { $0.count } + holes }
}
