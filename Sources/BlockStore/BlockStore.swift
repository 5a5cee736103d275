import ContentAddress

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
    /// The block, for structured concurrency.
    /// - Throws: ``BlockStoreError``.
    package func block(_ request: BlockRequest) async throws -> BlockBytes {
        try await withCheckedThrowingContinuation { continuation in
            fetch(request) { continuation.resume(with: $0) }
        }
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
    /// When ``BlockStore/read(_:at:into:)`` was called that did not find the block, in ``MonotonicClock`` nanoseconds: a cache
    /// does not look a second time, unless a block has come since. Nil when nobody has looked.
    package var missedAt: UInt64?

    package init(
        id: BlockID, length: Int, algorithm: DigestAlgorithm, priority: Priority = .demand, isForKeeping: Bool = false,
        missedAt: UInt64? = nil
    ) {
        self.id = id
        self.length = length
        self.algorithm = algorithm
        self.priority = priority
        self.isForKeeping = isForKeeping
        self.missedAt = missedAt
    }
}
