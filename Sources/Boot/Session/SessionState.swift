import BlockStore
import ImageMount
import Linux
import Synchronization

/// A session's status, assembled from what its parts know. Any thread may read it.
final class SessionState: Sendable {
    private struct Sources {
        var status: SessionStatus
        var stores: BlockStores?
        var blocks: BlockStates?
        var packed: PackedPages?
        /// What stays wrong, whatever else works again.
        var standing: String?
    }

    private let sources: Mutex<Sources>
    private let meter = RateMeter()
    init(_ status: SessionStatus) { sources = Mutex(Sources(status: status)) }

    func update(_ body: (inout SessionStatus) -> Void) { sources.withLock { body(&$0.status) } }

    /// From now on the counts come from these.
    /// - Parameter packed: the boot pack that is used; nil for none.
    func attach(stores: BlockStores, blocks: BlockStates, packed: PackedPages? = nil) {
        sources.withLock {
            $0.stores = stores
            $0.blocks = blocks
            $0.packed = packed
        }
    }

    /// From now on the boot set is being fetched.
    /// - Parameter count: of its blocks, and of the boot pack's pieces that come in place of others.
    func begin(bootSetBlocks count: Int) {
        update { $0.bootSet = SessionStatus.BootSetProgress(blocks: count, done: 0) }
    }

    /// More of its blocks are to be fetched than was thought.
    func addBootSet(blocks: Int) { update { $0.bootSet?.blocks += blocks } }

    func bootSetBlockDone() { update { $0.bootSet?.done += 1 } }

    /// A picture of the image; nil before it is mounted.
    func blockMap(cells: Int) -> BlockMap? { sources.withLock { $0.blocks }?.map(cells: cells) }

    /// Notes a failure that the session is dealing with.
    func note(error: String) { sources.withLock { $0.status.lastError = error } }

    /// Notes what is wrong with the guest's network; it stays so.
    func note(_ trouble: SessionStatus.NetworkTrouble) {
        update { ($0.network, $0.lastError) = (trouble, trouble.text) }
    }

    /// Notes what is wrong with the guest until somebody says that it no longer is.
    /// - Parameter text: nil where nothing is.
    func note(standing text: String?) { sources.withLock { ($0.standing, $0.status.lastError) = (text, text) } }

    /// Whatever failed works again.
    func clearError() { sources.withLock { $0.status.lastError = $0.standing } }

    var snapshot: SessionStatus {
        var (status, stores, blocks, packed) = sources.withLock { ($0.status, $0.stores, $0.blocks, $0.packed) }
        if let statistics = stores?.caching.statistics {
            // Behind what was downloaded before there were any.
            status.bytesFetched += UInt64(statistics.bytesFetched)
            status.bytesFromCache = UInt64(statistics.bytesFromCache)
        }
        if let blocks { status.blocksHere = blocks.hereCount }
        if let packed { status.pack = SessionStatus.Pack(pieces: packed.pieces.count, here: packed.hereCount) }
        status.rate = meter.rate(count: status.bytesFetched)
        return status
    }
}
