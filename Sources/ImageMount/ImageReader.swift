import BlockStore
import FUSE
import ImageIndex
import Linux
import Logging
import Synchronization

/// What a read gives: the bytes, fewer than asked for only at the image's end.
package typealias ReadCompletion = @Sendable (Result<ReadBuffer, ImageReadError>) -> Void

/// A read that has what is stored locally, and knows what is missing.
package struct BegunRead: Sendable {
    package let buffer: ReadBuffer
    fileprivate let missing: Result<[PendingRead.Piece], ImageIndexError>
    /// Positions of the blocks to fetch ahead, now that this has been read.
    let ahead: [Range<Int>]
    /// When it looked for its blocks, in ``MonotonicClock`` nanoseconds.
    fileprivate let time: UInt64

    /// Whether all bytes are in the buffer.
    package var isComplete: Bool { if case .success(let pieces) = missing { pieces.isEmpty } else { false } }
}

/// Reads an image by offset: splits by block, gives zeros for holes, takes blocks from the store, and bounds every wait.
///
/// A read begins on its caller's thread: the index says which blocks it lies in, and what is stored locally is copied at once
/// (``begin(offset:length:)``). What is missing is asked of the store, each block once however many reads want it, and no thread
/// sleeps for it: the one that brings the last block ends the read (``finish(_:_:)``, ``PendingRead``). A read that has waited for
/// too long ends with an error, and its blocks count as stalled until they come. Where an image is read in order, the next blocks
/// are fetched ahead (``BlocksAhead``).
///
/// Any thread may use it.
package final class ImageReader: Sendable {
    package let index: ImageIndex
    let options: ReadOptions
    let observer: (any ReadObserver)?
    let store: any BlockStore
    let ledger: PieceLedger?
    let packed: PackedPages?
    let touched: TouchedBlocks
    let blocksAhead: BlocksAhead
    private let reads = Atomic(0)
    private let bytes = Atomic<UInt64>(0)
    private let failedReads = Atomic(0)
    let state = Mutex(State())

    struct State {
        var waits: [Int: BlockWait] = [:]
        var waiting: [ObjectIdentifier: PendingRead] = [:] { didSet { meter.note(isWaiting: !waiting.isEmpty) } }
        var meter = WaitMeter()
        var refusesWaiting = false
        var isClosed = false

        /// Drops a read that has ended, and its buffer with it.
        mutating func forget(_ read: PendingRead) {
            waiting.removeValue(forKey: ObjectIdentifier(read))
            for piece in read.pieces { waits[piece.block.position]?.reads.removeAll { $0 === read } }
        }
    }

    /// - Parameters:
    ///   - ledger: what the pieces of a file are compared with whose index has made-up ids.
    ///   - packed: the image's boot pack; nil for none.
    package init(
        index: ImageIndex, store: any BlockStore, options: ReadOptions = ReadOptions(),
        observer: (any ReadObserver)? = nil, ledger: PieceLedger? = nil, packed: PackedPages? = nil
    ) {
        self.packed = packed
        self.index = index
        self.store = store
        self.ledger = ledger
        self.options = options
        self.observer = observer
        touched = TouchedBlocks(count: index.count)
        blocksAhead = BlocksAhead(limit: options.readAhead, longestBlock: index.longestBlock)
    }

    /// Reads bytes of the image.
    ///
    /// May read local files on the calling thread (not for the cooperative pool: use ``read(offset:length:)`` there), never
    /// waits for the network.
    /// - Parameter completion: called exactly once: before this returns when nothing is missing, else on the thread that brings
    ///   the last block or on the one that ends waits.
    package func read(offset: UInt64, length: Int, completion: @escaping ReadCompletion) {
        finish(begin(offset: offset, length: length), completion)
    }

    /// The first half of a read: takes what is stored locally, on the calling thread, and waits for nothing. It wants
    /// ``finish(_:_:)`` at once; or, when it is complete, ``fetchAhead(of:)`` once its bytes have been given.
    package func begin(offset: UInt64, length: Int) -> BegunRead {
        let count = offset < index.imageSize ? Int(min(UInt64(max(length, 0)), index.imageSize - offset)) : 0
        reads.add(1, ordering: .relaxed)
        bytes.add(UInt64(count), ordering: .relaxed)
        if count > 0 { observer?.read(offset..<(offset + UInt64(count))) }
        let now = MonotonicClock.nanoseconds
        let buffer = ReadBuffer(count: count)
        var ahead: [Range<Int>] = []
        do throws(ImageIndexError) {
            let missing = try fillLocally(buffer, offset: offset, &ahead)
            return BegunRead(buffer: buffer, missing: .success(missing), ahead: ahead, time: now)
        } catch {
            return BegunRead(buffer: buffer, missing: .failure(error), ahead: [], time: now)
        }
    }

    /// The second half: waits for the blocks that the first has not found, which are looked up no second time.
    /// - Parameter completion: as of ``read(offset:length:completion:)``.
    package func finish(_ read: BegunRead, _ completion: @escaping ReadCompletion) {
        finish(read, WaitTerms(), completion)
    }

    func finish(_ read: BegunRead, _ terms: WaitTerms, _ completion: @escaping ReadCompletion) {
        switch read.missing {
        case .failure(let error):
            failedReads.add(1, ordering: .relaxed)
            completion(.failure(.index(error)))
        case .success(let pieces) where pieces.isEmpty: completion(.success(read.buffer))
        case .success(let pieces):
            wait(
                PendingRead(
                    pieces: pieces, buffer: read.buffer, missedAt: read.time, terms: terms, completion: completion))
        }
        // After the blocks that are waited for.
        fetchAhead(of: read)
    }

    /// Reads bytes of the image, for structured concurrency.
    /// - Throws: ``ImageReadError``; ``SystemCallError`` when no thread could be started for it.
    package func read(offset: UInt64, length: Int) async throws -> [UInt8] {
        let buffer: ReadBuffer = try await withCheckedThrowingContinuation { continuation in
            do throws(SystemCallError) {
                try WorkerThread.start(name: "osc-read") {
                    self.read(offset: offset, length: length) { continuation.resume(with: $0) }
                }
            } catch {
                continuation.resume(throwing: error)
            }
        }
        return buffer.withUnsafeBytes { Array($0) }
    }

    /// What has been done so far.
    package var statistics: ReaderStatistics {
        var statistics = ReaderStatistics()
        statistics.reads = reads.load(ordering: .relaxed)
        statistics.bytes = bytes.load(ordering: .relaxed)
        statistics.failedReads = failedReads.load(ordering: .relaxed)
        statistics.blocksTouched = touched.count
        (statistics.waitingReads, statistics.stalledBlocks) = state.withLock { state in
            (state.waiting.count, state.waits.values.count { $0.isStalled })
        }
        return statistics
    }

    // MARK: Waiting

    /// Joins the waits of all the read's blocks, or ends it at once where it may not wait.
    func wait(_ read: PendingRead) {
        let now = MonotonicClock.nanoseconds
        let bound = read.terms.deadline.map { Duration.nanoseconds(Int64(clamping: max($0, now) - now)) }
        // Before anybody else has the read, so that its end cancels this, too.
        TimerQueue.shared.schedule(read.deadline, after: bound ?? options.bound) { [weak self, weak read] in
            if let self, let read { self.expire(read) }
        }
        let (refusal, wanted, stalled) = state.withLock { state in join(read, &state) }
        tell(stalled)
        if let refusal, read.claim() { end(read, refusal) }
        for block in wanted { fetch(block, missedAt: read.missedAt) }
    }

    /// Why the read may not wait, which blocks must be asked for now, and which of them stall.
    private func join(_ read: PendingRead, _ state: inout State) -> (ImageReadError?, [IndexedBlock], [IndexedBlock]) {
        if state.isClosed { return (.closed, [], []) }
        var refusal: ImageReadError? = state.refusesWaiting ? .released : nil
        var wanted: [IndexedBlock] = []
        for piece in read.pieces {
            let position = piece.block.position
            if let wait = state.waits[position] {
                // The kernel repeats a failed buffered read by itself, and a guest that was resumed too early repeats it too:
                // neither may hold QEMU for one more bound.
                if wait.isStalled { refusal = refusal ?? ImageReader.error(of: wait) }
            } else {
                state.waits[position] = BlockWait(block: piece.block)
                wanted.append(piece.block)
            }
        }
        guard refusal == nil else {
            // A paused guest goes on when all of its read has come. Without one only the block to blame may fail further reads:
            // the kernel's read-ahead asks for good blocks together with it, then for each page by itself.
            let stalled = options.keepsFetching ? stall(Set(read.pieces.map(\.block.position)), &state) : []
            return (refusal, wanted, stalled)
        }
        for piece in read.pieces { state.waits[piece.block.position]?.add(read) }
        state.waiting[ObjectIdentifier(read)] = read
        return (nil, wanted, [])
    }

    func fetch(_ block: IndexedBlock, missedAt: UInt64? = nil) {
        if let packed, packed.isPiece(block) { return fetch(block, of: packed, missedAt: missedAt) }
        observer?.fetchBegan(block)
        store.fetch(request(block, missedAt: missedAt)) { [weak self] result in
            guard let self else { return }
            switch result {
            case .success(let bytes):
                observer?.fetched(block)
                compare(block, bytes)
                arrived(block, bytes)
            case .failure(let error):
                observer?.fetchFailed(block)
                failed(block, error)
            }
        }
    }

    private func fetch(_ piece: IndexedBlock, of packed: PackedPages, missedAt: UInt64?) {
        observer?.pieceWanted()
        store.fetch(request(piece, missedAt: missedAt)) { [weak self] result in
            guard let self else { return }
            switch result {
            case .success(let bytes):
                packed.came(piece)
                // It was found to be wrong meanwhile.
                if packed.isOut { useBlocks(insteadOf: piece) } else { arrived(piece, bytes) }
            case .failure(let error):
                packed.failed(piece, error)
                useBlocks(insteadOf: piece)
            }
        }
    }

    private func arrived(_ block: IndexedBlock, _ bytes: BlockBytes) {
        let (wait, stallEnded) = state.withLock { state in
            let wait = state.waits.removeValue(forKey: block.position)
            return (wait, wait?.isStalled == true && !state.waits.values.contains { $0.isStalled })
        }
        guard let wait else { return }
        let isPiece = packed?.isPiece(block) == true
        for read in wait.reads {
            if isPiece { remember(read, block, bytes) }
            guard read.fill(block, from: bytes) else { continue }
            state.withLock { _ = $0.waiting.removeValue(forKey: ObjectIdentifier(read)) }
            read.finish(.success(read.buffer))
        }
        if wait.isStalled {
            observer?.blockArrived(block)
            if stallEnded { observer?.stallEnded() }
        }
    }

    func request(
        _ block: IndexedBlock, _ priority: BlockRequest.Priority = .demand, missedAt: UInt64? = nil
    ) -> BlockRequest {
        BlockRequest(
            id: block.id, length: block.length, algorithm: index.algorithm, priority: priority, isFirm: true,
            isDispensable: packed?.isPiece(block) == true, missedAt: missedAt, ledger: ledger)
    }

    /// Ends a read that the caller has claimed.
    func end(_ read: PendingRead, _ error: ImageReadError) {
        failedReads.add(1, ordering: .relaxed)
        read.complete(.failure(error))
    }

    func tell(_ stalled: [IndexedBlock]) {
        if !stalled.isEmpty { observer?.readStalled(blocks: stalled) }
    }
}

extension ImageReader: FileReader {
    private static let log = Logger(label: "oscircular.mount")

    /// A read of the mounted file. This is the one place where an error becomes a number; the error itself goes to the log.
    package func read(offset: UInt64, size: Int, reply: (UnsafeRawBufferPointer) -> Void) -> LateAnswer? {
        let read = begin(offset: offset, length: size)
        if read.isComplete {
            read.buffer.withUnsafeBytes(reply)
            fetchAhead(of: read)
            return nil
        }
        return { request in
            self.finish(read) { result in
                switch result {
                case .success(let buffer):
                    buffer.withUnsafeBytes { request.reply($0) }
                case .failure(let error):
                    ImageReader.log.warning("read of \(request.size) bytes at \(request.offset): \(error)")
                    request.fail(.inputOutput)
                }
            }
        }
    }
}
