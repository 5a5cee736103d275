import BlockStore
import ContentAddress
import ImageIndex
import ImageMount

/// Fetches blocks of an image into the cache before the guest asks for them. The guest's own reads always go first.
struct Prefetch: Sendable {
    /// Blocks between two looks at the cache's room.
    private static let roomEvery = 64
    /// Requests in flight for blocks that may never be needed, and for pieces of a file, which become few long requests.
    private static let idleParallel = (blocks: 4, pieces: 32)
    /// Seconds without a block that the guest had to wait for, before the next block that may never be needed.
    private static let idleAfter = 1.0

    let index: ImageIndex
    let store: any BlockStore
    let cache: BlockCache
    let states: BlockStates
    /// Of a file whose index has made-up ids.
    var ledger: PieceLedger?
    /// Whether it is a file that servers give in pieces, whatever the ids of these are.
    var isOfPieces = false
    /// Whether the image is a kept machine's base: what else is cached makes room for it.
    var isPinned = false
    /// Compares blocks with what was given of them from the boot pack; nil where there is none.
    var reader: ImageReader?

    /// Fetches a boot set in its order; blocks that are stored already are verified ahead of the guest.
    ///
    /// Returns when each is stored or could not be fetched, or the task is cancelled.
    /// - Parameters:
    ///   - parallel: requests in flight.
    ///   - progress: called after every block.
    func bootSet(_ blocks: [IndexedBlock], parallel: Int, progress: @escaping @Sendable () -> Void) async {
        await run(blocks.makeIterator(), parallel: parallel, progress: progress)
    }

    /// Fetches all that is missing, in the image's order, for as long as the cache has room without evicting anything. Rests
    /// while the guest itself waits for blocks: the link is the guest's.
    func rest() async {
        var position = 0
        var fetched = 0
        let blocks = AnyIterator<IndexedBlock> {
            while position < index.count, !Task.isCancelled {
                defer { position += 1 }
                // An index that can no longer be read has no more blocks to fetch; reads will report it.
                guard let block = try? index.block(at: position) else { return nil }
                // What arrived is not always kept: the cache itself is asked.
                if block.isHole || isStored(block) {
                    if !states.isHere(position) { states.arrived(position) }
                    // It was brought by somebody else, and is compared now.
                    if reader?.isUnchecked(position) == true { return block }
                    continue
                }
                if fetched % Prefetch.roomEvery == 0, !hasRoom(for: block.length * Prefetch.roomEvery) { return nil }
                fetched += 1
                return block
            }
            return nil
        }
        let parallel = becomesWhole ? Prefetch.idleParallel.pieces : Prefetch.idleParallel.blocks
        await run(blocks, parallel: parallel, before: waitUntilIdle) {}
    }

    private var becomesWhole: Bool { isOfPieces || ledger != nil }

    /// A piece that the ledger does not know is fetched anew.
    private func isStored(_ block: IndexedBlock) -> Bool {
        cache.contains(block.id) && ledger?.knows(block.id) != false
    }

    /// A vendor's file should become whole: only then is it known to be right, and vendors do not keep it for long. Where it fits beside
    /// other things, these make room for it.
    private func hasRoom(for bytes: Int) -> Bool {
        isPinned || cache.hasRoom(for: bytes) || becomesWhole && index.imageSize <= UInt64(cache.limit / 4 * 3)
    }

    private func waitUntilIdle() async {
        while states.secondsSinceMiss < Prefetch.idleAfter, !Task.isCancelled {
            // Cancelled: seen above.
            try? await Task.sleep(for: .milliseconds(200))
        }
    }

    private func run(
        _ blocks: some IteratorProtocol<IndexedBlock>, parallel: Int, before: (@Sendable () async -> Void)? = nil,
        progress: @escaping @Sendable () -> Void
    ) async {
        var blocks = blocks
        await withTaskGroup(of: Void.self) { group in
            func add() {
                guard !Task.isCancelled, let block = blocks.next() else { return }
                let request = BlockRequest(
                    id: block.id, length: block.length, algorithm: index.algorithm, priority: .prefetch,
                    isForKeeping: true, ledger: ledger)
                group.addTask {
                    await before?()
                    guard !Task.isCancelled else { return }
                    if !states.isHere(block.position) { states.began(block.position) }
                    // If a block cannot be fetched now, the reader asks again when it needs it.
                    if let bytes = try? await store.block(request) {
                        states.arrived(block.position)
                        reader?.compare(block, bytes)
                    } else {
                        states.failed(block.position)
                    }
                    progress()
                }
            }
            for _ in 0..<ImageFetch.parallel(parallel, for: index) { add() }
            while await group.next() != nil { add() }
        }
    }
}
