import BlockStore
import ContentAddress
import ImageIndex
import Linux
import Synchronization
import Zlib
import Zstd

/// Goes through an image's blocks on all processors.
struct BlockLoop: Sendable {
    let reading: BlockReading
    let blockSize: Int
    let imageSize: UInt64
    let progress: PublishProgress
    let cancellation: Cancellation

    var count: Int { Int((imageSize - 1) / UInt64(blockSize)) + 1 }

    /// Calls what `worker` makes, one for each thread, with every block once.
    /// - Throws: the first ``PublisherError``; the others stop then.
    func run(
        _ worker: @escaping @Sendable () throws(PublisherError) -> (Int, ReadRun) throws(PublisherError) -> Void
    ) throws(PublisherError) {
        let position = Shared()
        let threads = max(1, min(count, RunQueue.processors))
        let queue = RunQueue(runs: 0, capacity: 0, workers: threads)
        for number in 0..<threads {
            queue.startWorker(name: "blocks-\(number)") { () throws(PublisherError) in
                let work = try worker()
                let decoder = ChunkDecoder()
                let run = ReadRun(capacity: blockSize)
                while true {
                    let next = position.next.add(1, ordering: .relaxed).oldValue
                    guard next < count else { return }
                    try cancellation.check()
                    run.firstBlock = next
                    run.count = Int(min(UInt64(blockSize), imageSize - UInt64(next) * UInt64(blockSize)))
                    try reading.read(next, into: run.space, decoder)
                    try work(next, run)
                    progress.add(UInt64(run.count))
                }
            }
        }
        try queue.finish()
    }

    private final class Shared: Sendable {
        let next = Atomic<Int>(0)
    }
}

/// An image's blocks by their position, for several threads: from the image itself, or from a store of either form.
enum BlockReading: Sendable {
    case image(ImageSource, blockSize: Int)
    /// The folder of the store that the index belongs to.
    case index(ImageIndex, folder: String)

    /// Fills the buffer with a block. What comes from a store is verified.
    /// - Parameter buffer: as long as the block.
    /// - Throws: ``PublisherError/unreadable(_:)``, ``PublisherError/index(path:_:)``, ``PublisherError/damagedBlock(path:reason:)``.
    func read(
        _ position: Int, into buffer: UnsafeMutableRawBufferPointer, _ decoder: ChunkDecoder
    ) throws(PublisherError) {
        switch self {
        case .image(let source, let blockSize):
            try source.read(into: buffer, at: UInt64(position) * UInt64(blockSize))
        case .index(let index, let folder):
            let block: IndexedBlock
            do { block = try index.block(at: position) } catch { throw .index(path: folder, error) }
            if block.isHole {
                buffer.initializeMemory(as: UInt8.self, repeating: 0)
                return
            }
            let isLegacy = index.algorithm == .sha1
            let path = "\(folder)/\(isLegacy ? block.id.sha1 : block.id.chunkStorePath)"
            let request = BlockRequest(id: block.id, length: block.length, algorithm: index.algorithm)
            let stored: [UInt8]
            do {
                let limit = isLegacy ? Zlib.bound(block.length) + 4096 : ChunkDecoder.maximumStoredBytes(block.length)
                stored = try FileContents.read(path, limit: limit)
            } catch {
                if error.number == .fileTooLarge { throw .damagedBlock(path: path, reason: "its file is too long") }
                throw .unreadable(error)
            }
            var failure: BlockStoreError?
            stored.withUnsafeBytes { stored in
                do throws(BlockStoreError) {
                    let bytes =
                        isLegacy
                        ? try decoder.decode(blockFile: stored, for: request, place: path)
                        : try decoder.decode(compressed: stored, for: request, place: path)
                    bytes.withUnsafeBytes { buffer.copyMemory(from: $0) }
                } catch {
                    failure = error
                }
            }
            if let failure { throw .damagedBlock(path: path, reason: "\(failure)") }
        }
    }
}
