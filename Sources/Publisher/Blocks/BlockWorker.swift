import ContentAddress
import Glibc
import ImageIndex
import Linux
import Zstd

/// One thread's share of publishing: names the blocks of a run and stores those that are new.
final class BlockWorker {
    private let options: PublishOptions
    private let store: ChunkStoreFolder
    private let ingest: IngestFolder
    private let table: BlockTable
    private let zeros: ZeroBlocks
    private let compressor: ZstdCompressor
    /// For blocks that a start will probably read.
    private let bootCompressor: ZstdCompressor
    private let frame: UnsafeMutableRawBufferPointer

    /// - Throws: ``PublisherError/compression(reason:)`` when there is no memory.
    init(
        options: PublishOptions, store: ChunkStoreFolder, ingest: IngestFolder, table: BlockTable, zeros: ZeroBlocks
    ) throws(PublisherError) {
        self.options = options
        self.store = store
        self.ingest = ingest
        self.table = table
        self.zeros = zeros
        do {
            compressor = try ZstdCompressor(level: options.compressionLevel)
            // Whoever asks for all blocks to be compressed harder still means these, too.
            bootCompressor = try ZstdCompressor(level: max(options.compressionLevel, options.bootCompressionLevel))
        } catch {
            throw .compression(reason: "\(error)")
        }
        frame = .allocate(byteCount: ZstdCompressor.bound(options.blockSize), alignment: 4096)
    }

    deinit { frame.deallocate() }

    /// - Throws: ``PublisherError/unwritable(_:)``, ``PublisherError/compression(reason:)``.
    func work(on run: ReadRun) throws(PublisherError) {
        var position = run.firstBlock
        for start in stride(from: 0, to: run.count, by: options.blockSize) {
            let end = min(start + options.blockSize, run.count)
            let block = UnsafeRawBufferPointer(rebasing: run.bytes[start..<end])
            let id: BlockID
            if BlockWorker.isZero(block) {
                id = zeros.id(length: block.count)
                table.zeroBlocks.add(1, ordering: .relaxed)
            } else {
                id = options.algorithm.blockID(of: block)
            }
            table.set(id, at: position)
            let isOfBoot = options.bootPositions.contains(position)
            position += 1
            if table.claim(id) { try keep(id, block, by: isOfBoot ? bootCompressor : compressor) }
        }
    }

    /// Sees to it that a block of zeros is in the store, as ``keep(_:_:by:)``.
    func keepZeros(_ id: BlockID, _ block: UnsafeRawBufferPointer) throws(PublisherError) {
        try keep(id, block, by: compressor)
    }

    /// Sees to it that a block is in the store, unless its bytes stay at the vendor's.
    private func keep(
        _ id: BlockID, _ block: UnsafeRawBufferPointer, by compressor: ZstdCompressor
    ) throws(PublisherError) {
        guard options.storesBlocks else { return }
        let (size, isNew) = try store.keep(id, block, compressedBy: compressor, into: frame, by: ingest)
        if isNew {
            table.newBlocks.add(1, ordering: .relaxed)
            table.newBytes.add(size, ordering: .relaxed)
        }
        table.storedBytes.add(size, ordering: .relaxed)
    }

    /// Compares the block with itself one byte on: memcmp stops at the first byte that differs and is far faster than a digest.
    static func isZero(_ block: UnsafeRawBufferPointer) -> Bool {
        guard let base = block.baseAddress, block.count > 0 else { return false }
        return block[0] == 0 && memcmp(base, base + 1, block.count - 1) == 0
    }
}

/// The ids of the blocks of zeros of one image: full blocks, and its last when that is shorter.
struct ZeroBlocks: Sendable {
    let full: BlockID
    private let fullLength: Int
    private let last: BlockID

    init(blockSize: Int, lastLength: Int, algorithm: DigestAlgorithm) {
        full = ImageIndex.zeroBlock(length: blockSize, algorithm: algorithm)
        fullLength = blockSize
        last = lastLength == blockSize ? full : ImageIndex.zeroBlock(length: lastLength, algorithm: algorithm)
    }

    func id(length: Int) -> BlockID { length == fullLength ? full : last }
}
