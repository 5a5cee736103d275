import ContentAddress
import Linux
import Synchronization
import Zstd

/// What came of compressing stored blocks again.
package struct RecompressedBlocks: Sendable, Equatable {
    /// Blocks that were tried, and those that are smaller now.
    package var blocks = 0
    package var smaller = 0
    /// Bytes of all that were tried, before and after.
    package var before: UInt64 = 0
    package var after: UInt64 = 0
}

/// One thread's share of compressing stored blocks again: the same bytes under the same name, in fewer.
///
/// A block is read and compared with its name first. The new file takes the old one's place by a rename: a reader gets one or the other, whole.
private final class BlockRecompressor {
    private let store: ChunkStoreFolder
    private let ingest: IngestFolder
    private let verifier: BlockVerifier
    private let compressor: ZstdCompressor
    private var frame: [UInt8] = []

    /// - Throws: ``PublisherError/compression(reason:)`` when there is no memory.
    init(store: ChunkStoreFolder, ingest: IngestFolder, level: Int) throws(PublisherError) {
        (self.store, self.ingest) = (store, ingest)
        verifier = try BlockVerifier(store: store)
        do { compressor = try ZstdCompressor(level: level) } catch { throw .compression(reason: "\(error)") }
    }

    /// - Returns: bytes of the block's file before and after.
    /// - Throws: ``PublisherError/damagedBlock(path:reason:)``, ``PublisherError/unreadable(_:)``, ``PublisherError/unwritable(_:)``,
    ///   ``PublisherError/compression(reason:)``; the block is as it was then.
    func work(on block: WantedBlock) throws(PublisherError) -> (before: Int, after: Int) {
        switch verifier.problem(with: block) {
        case nil: break
        case .blockUnreadable(_, _, let cause): throw .unreadable(cause)
        case let problem?: throw .damagedBlock(path: store.path(of: block.id), reason: "\(problem)")
        }
        let before = verifier.storedLength
        let bound = ZstdCompressor.bound(block.length)
        if frame.count < bound { frame = [UInt8](repeating: 0, count: bound) }
        let size: Int
        do {
            size = try verifier.withContent { content in
                try frame.withUnsafeMutableBytes { try compressor.compress(content, into: $0) }
            }
        } catch {
            throw .compression(reason: "\(error)")
        }
        if size >= before { return (before, before) }
        do {
            try frame[..<size].withUnsafeBytes { try store.store(block.id, $0, by: ingest, durable: true) }
        } catch {
            throw .unwritable(
                error as? SystemCallError
                    ?? SystemCallError(.inputOutput, call: "write", subject: store.path(of: block.id)))
        }
        return (before, size)
    }
}

/// Compresses stored blocks again on all processors.
final class BlockRecompression: Sendable {
    private let blocks: [WantedBlock]
    private let position = Atomic<Int>(0)
    private let result = Mutex(RecompressedBlocks())

    init(_ blocks: [WantedBlock]) { self.blocks = blocks }

    /// Call it under a lock that keeps out whoever removes blocks.
    /// - Throws: the first ``PublisherError`` of a worker, see ``PublisherError/damagedBlock(path:reason:)``; what was done until then stays done.
    func run(
        in store: ChunkStoreFolder, level: Int, progress: PublishProgress, cancellation: Cancellation
    ) throws(PublisherError) -> RecompressedBlocks {
        progress.begin(.compress, total: blocks.reduce(0) { $0 + UInt64($1.length) })
        let ingest = try IngestFolder(store: store.path)
        defer { ingest.remove() }
        let workers = max(1, min(blocks.count, RunQueue.processors))
        let queue = RunQueue(runs: 0, capacity: 0, workers: workers)
        for number in 0..<workers {
            queue.startWorker(name: "compress-\(number)") { [self] () throws(PublisherError) in
                let recompressor = try BlockRecompressor(store: store, ingest: ingest, level: level)
                while let block = next() {
                    try cancellation.check()
                    do throws(PublisherError) {
                        note(try recompressor.work(on: block))
                    } catch {
                        // The others end, too.
                        position.store(blocks.count, ordering: .relaxed)
                        throw error
                    }
                    progress.add(UInt64(block.length))
                }
            }
        }
        try queue.finish()
        return result.withLock { $0 }
    }

    private func next() -> WantedBlock? {
        let next = position.add(1, ordering: .relaxed).oldValue
        return next < blocks.count ? blocks[next] : nil
    }

    private func note(_ sizes: (before: Int, after: Int)) {
        result.withLock { result in
            result.blocks += 1
            result.before += UInt64(sizes.before)
            result.after += UInt64(sizes.after)
            if sizes.after < sizes.before { result.smaller += 1 }
        }
    }
}
