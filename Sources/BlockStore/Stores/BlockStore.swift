import ContentAddress
import Linux
import Synchronization

/// A place that gives a block by its id. Implementations decorate each other: cache over mirrors over http.
///
/// Every block that a store hands out has been verified: its bytes have the length and the digest that were asked for.
///
/// None of these has a default: a decorator that forgot to pass one on would lose it without a word.
package protocol BlockStore: Sendable {
    /// Asks for a block. Never waits.
    /// - Parameter completion: called exactly once, on any thread, possibly before this returns.
    func fetch(_ request: BlockRequest, completion: @escaping BlockCompletion)

    /// Copies a part of a block if that takes no waiting for a network: at most one or two reads of a local file.
    ///
    /// May wait for the local disk; call it from threads that may (FUSE's), not from the cooperative pool.
    /// - Parameters:
    ///   - offset: first byte within the block; `offset + buffer.count <= request.length`.
    ///   - buffer: an empty one only asks whether the block is stored locally; its bytes are not looked at.
    /// - Returns: false when the block is not stored locally, or was damaged and has been dropped. Then use
    ///   ``fetch(_:completion:)``, with ``BlockRequest/missedAt`` set to when this was called.
    func read(_ request: BlockRequest, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Bool

    /// Makes a prefetch that is under way a demand. Nothing happens when the block is not being fetched, or in a store that
    /// lets nothing wait.
    func raise(_ id: BlockID)

    /// Takes back one fetch of a block: its caller no longer waits. What is under way for it may be broken off, with
    /// ``BlockStoreError/closed``, as soon as nobody else waits for the block. The completion is called in any case.
    func cancel(_ id: BlockID)
}

package typealias BlockCompletion = @Sendable (Result<BlockBytes, BlockStoreError>) -> Void

extension BlockStore {
    /// The block, for structured concurrency. A task that is cancelled takes its fetch back, and does not wait for what becomes of it.
    /// - Throws: ``BlockStoreError``; CancellationError.
    package func block(_ request: BlockRequest) async throws -> BlockBytes {
        let turn = BlockTurn()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                guard turn.begin(continuation) else { return continuation.resume(throwing: CancellationError()) }
                fetch(request) { turn.answer($0) }
                // What was taken back before the store knew of it was lost on it.
                if turn.isAsked() { cancel(request.id) }
            }
        } onCancel: {
            if turn.giveUp() { cancel(request.id) }
        }
    }
}

/// One task that waits for a block, and may be cancelled at any moment.
private final class BlockTurn: Sendable {
    private struct State: Sendable {
        var continuation: CheckedContinuation<BlockBytes, any Error>?
        var isAsked = false
        var isGivenUp = false
        var isAnswered = false
    }

    private let state = Mutex(State())

    /// - Returns: false where the task is cancelled already.
    func begin(_ continuation: CheckedContinuation<BlockBytes, any Error>) -> Bool {
        state.withLock { state in
            if !state.isGivenUp { state.continuation = continuation }
            return !state.isGivenUp
        }
    }

    /// The store has the request.
    /// - Returns: whether it is to be taken back.
    func isAsked() -> Bool {
        state.withLock { state in
            state.isAsked = true
            return state.isGivenUp && !state.isAnswered
        }
    }

    func answer(_ result: Result<BlockBytes, BlockStoreError>) {
        let continuation = state.withLock { state in
            state.isAnswered = true
            defer { state.continuation = nil }
            return state.continuation
        }
        continuation?.resume(with: result)
    }

    /// - Returns: whether the request is to be taken back.
    func giveUp() -> Bool {
        let (continuation, isAsked) = state.withLock { state in
            state.isGivenUp = true
            defer { state.continuation = nil }
            return (state.continuation, state.isAsked && !state.isAnswered)
        }
        continuation?.resume(throwing: CancellationError())
        return isAsked
    }
}

/// Which block is wanted, and how urgently.
package struct BlockRequest: Sendable, Hashable {
    /// Demand goes before prefetch where requests wait for their turn: in ``MirroredBlockStore``, and nowhere else.
    package enum Priority: Int, Sendable, Comparable {
        case prefetch
        /// Somebody waits for this block now.
        case demand

        package static func < (left: Priority, right: Priority) -> Bool { left.rawValue < right.rawValue }
    }

    package let id: BlockID
    /// Bytes of the uncompressed block; decompression stops there.
    package let length: Int
    package let algorithm: DigestAlgorithm
    package var priority: Priority
    /// Whether it is fetched in order to be kept: a cache may not decline it because its queue of writes is full, and answers
    /// when the block has its place in the queue.
    package var isForKeeping: Bool
    /// Whether its caller never takes it back: then a cancel that comes too late for another fetch of the block cannot meet this one.
    package var isFirm: Bool
    /// Whether its caller can do with other blocks instead: where every place says that it does not have it, or has it wrong, nobody goes on
    /// asking, and for one that somebody waits for neither where no place answers for a few rounds.
    package var isDispensable: Bool
    /// When ``BlockStore/read(_:at:into:)`` was called that did not find the block, in ``MonotonicClock`` nanoseconds: a cache
    /// does not look a second time, unless a block has come since. Nil when nobody has looked.
    package var missedAt: UInt64?
    /// What the bytes of a made-up id are compared with; nil for every other block, whose id is their digest.
    package var ledger: PieceLedger?

    package init(
        id: BlockID, length: Int, algorithm: DigestAlgorithm, priority: Priority = .demand, isForKeeping: Bool = false,
        isFirm: Bool = false, isDispensable: Bool = false, missedAt: UInt64? = nil, ledger: PieceLedger? = nil
    ) {
        self.id = id
        self.length = length
        self.algorithm = algorithm
        self.priority = priority
        self.isForKeeping = isForKeeping
        self.isFirm = isFirm
        self.isDispensable = isDispensable
        self.missedAt = missedAt
        self.ledger = ledger
    }

    /// Where bytes come from that are said to be a block.
    enum Origin {
        /// A cache, which has nothing that was not verified when it came.
        case cache
        /// A server or folder.
        case place
    }

    /// What is wrong with bytes that are said to be this block; nil when they are it. Those of a made-up id are written down when they
    /// come for the first time, so that they can never be others afterwards.
    /// - Returns: a phrase.
    /// - Throws: ``SystemCallError`` when they cannot be written down: then nobody may have them.
    func flaw(of bytes: UnsafeRawBufferPointer, from origin: Origin) throws(SystemCallError) -> String? {
        guard let ledger else {
            let actual = algorithm.blockID(of: bytes)
            return actual == id ? nil : "its digest is \(actual)"
        }
        switch origin {
        case .cache: return ledger.matches(id, bytes) ? nil : "it is not what was fetched"
        case .place:
            let isKnown = try ledger.accept(id, bytes)
            return isKnown ? nil : "the file has other bytes there than when they were first fetched"
        }
    }
}

/// The uncompressed bytes of one block. Immutable once made, so any thread may read it.
// @unchecked: the buffer is written only inside init, before anybody else has the object.
package final class BlockBytes: @unchecked Sendable {
    private let buffer: UnsafeMutableRawBufferPointer
    /// Bytes that came over the wire, or from the store's file, for this block; 0 when it came from a cache.
    package let transferred: Int
    /// Seconds between the request and the first byte of its answer; nil where nobody measured.
    package let wait: Double?

    /// Allocates `length` bytes and lets `fill` write all of them.
    /// - Throws: what `fill` throws.
    package init<Failure: Error>(
        length: Int, transferred: Int = 0, wait: Double? = nil,
        fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        buffer = .allocate(byteCount: length, alignment: 4096)
        self.transferred = transferred
        self.wait = wait
        // The deinit of a class whose init throws after all members are set does run: it frees the buffer.
        try fill(buffer)
    }

    deinit { buffer.deallocate() }

    /// Bytes of the block.
    package var count: Int { buffer.count }

    /// Gives the bytes for the duration of the call.
    package func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(buffer))
    }
}

/// Why a store did not give a block. The case is the policy: try the next place, drop and refetch, or wait.
package enum BlockStoreError: Error, Sendable {
    /// The place answers, and does not have the block. `place` is a URL or path.
    case missing(BlockID, place: String)
    /// What the place gave is not the block: wrong digest, wrong length, not zstd, or a bomb. `reason` is a phrase.
    case corrupt(BlockID, place: String, reason: String)
    /// The place did not answer, or broke off.
    case unreachable(place: String, cause: any Error)
    /// The store was closed while the request waited.
    case closed
}

extension BlockStoreError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missing(let id, let place): "block \(id) is not at \(place)"
        case .corrupt(let id, let place, let reason): "block \(id) from \(place) is damaged: \(reason)"
        case .unreachable(let place, let cause): "\(place): \(words(of: cause))"
        case .closed: "the block store was closed"
        }
    }
}
