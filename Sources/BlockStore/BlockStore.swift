import ContentAddress

/// A place that gives a block by its id. Implementations decorate each other: cache over mirrors over http.
///
/// Every block that a store hands out has been verified: its bytes have the length and the digest that were asked for.
package protocol BlockStore: Sendable {
    /// Asks for a block. Never blocks the caller.
    /// - Parameter completion: called exactly once, on any thread, possibly before this returns.
    func fetch(_ request: BlockRequest, completion: @escaping BlockCompletion)

    /// Copies a part of a block if that takes no waiting for a network: at most one or two reads of a local file.
    ///
    /// May block on the local disk; call it from threads that may (FUSE's), not from the cooperative pool.
    /// - Parameters:
    ///   - offset: first byte within the block; `offset + buffer.count <= request.length`.
    /// - Returns: false when the block is not here (or was damaged and has been dropped); use ``fetch(_:completion:)`` then.
    func read(_ request: BlockRequest, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Bool

    /// Makes a prefetch that is under way a demand. Nothing happens when the block is not being fetched.
    func raise(_ id: BlockID)

    /// Nobody waits for a block any more: what is under way for it may be broken off, with ``BlockStoreError/closed``.
    func cancel(_ id: BlockID)
}

package typealias BlockCompletion = @Sendable (Result<BlockBytes, BlockStoreError>) -> Void

extension BlockStore {
    package func read(_ request: BlockRequest, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
        false
    }

    package func raise(_ id: BlockID) {}

    package func cancel(_ id: BlockID) {}

    /// The block, for structured concurrency.
    /// - Throws: ``BlockStoreError``.
    package func block(_ request: BlockRequest) async throws -> BlockBytes {
        try await withCheckedThrowingContinuation { continuation in
            fetch(request) { continuation.resume(with: $0) }
        }
    }
}
