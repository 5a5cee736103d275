import ContentAddress
import ImageIndex
import Linux

/// Rewrites an LBCAS image of 2009 into the form of today: the same blocks under stronger names.
package struct LegacyImport: Sendable {
    private let options: PublishOptions
    private let progress: PublishProgress
    private let cancellation: Cancellation

    /// - Parameter options: the block size is the old image's own.
    package init(
        options: PublishOptions, progress: PublishProgress = PublishProgress(),
        cancellation: Cancellation = Cancellation()
    ) {
        self.options = options
        self.progress = progress
        self.cancellation = cancellation
    }

    /// Waits for the disk. Every old block is verified against its SHA-1, the only thing that vouches for it.
    /// - Parameters:
    ///   - source: the LBCAS index; its blocks are in `blockfile/` beside it.
    ///   - index: where the new index appears, once all blocks are stored.
    ///   - store: the new block store's folder; created if absent.
    /// - Throws: ``PublisherError``.
    package func convert(index source: String, to index: String, store: String) throws(PublisherError) -> PublishedImage
    {
        let started = MonotonicClock.nanoseconds
        let image: ImageIndex
        do { image = try ImageIndex(path: source) } catch { throw .index(path: source, error) }
        var options = options
        guard image.algorithm == .sha1, let longest = image.fixedBlockSize else {
            throw .usage(option: "INDEX", reason: "\(source) is not an LBCAS index")
        }
        // An image of one short block: its true block size is larger and unknown.
        options.blockSize = image.count == 1 ? max(BlockSize.writable.lowerBound, (longest + 511) / 512 * 512) : longest
        guard BlockSize.isWritable(options.blockSize) else {
            throw .usage(
                option: "INDEX",
                reason:
                    "\(source) has blocks of \(options.blockSize) bytes; today's format needs at least \(BlockSize.writable.lowerBound)"
            )
        }
        try OutputFolder.make(store)
        StaleFiles.remove(beside: index)
        let folder = ChunkStoreFolder(path: store)
        let ingest = try IngestFolder(store: store)
        defer { ingest.remove() }
        let loop = BlockLoop(
            reading: .index(image, folder: BlockFileFolder(besideIndex: source).path), blockSize: options.blockSize,
            imageSize: image.imageSize, progress: progress, cancellation: cancellation)
        let lastLength = Int(image.imageSize - UInt64(loop.count - 1) * UInt64(options.blockSize))
        let zeros = ZeroBlocks(
            blockSize: options.blockSize, lastLength: lastLength, algorithm: options.algorithm)
        let table = BlockTable(count: loop.count, filledWith: zeros.full)
        progress.begin(.convert, total: image.imageSize)
        try loop.run { [options] () throws(PublisherError) in
            let worker = try BlockWorker(options: options, store: folder, ingest: ingest, table: table, zeros: zeros)
            return { (_, run) throws(PublisherError) in try worker.work(on: run) }
        }
        progress.begin(.index, total: 0)
        try cancellation.check()
        do {
            try ImageIndexWriter.write(
                blocks: table.all, blockSize: options.blockSize, imageSize: image.imageSize,
                algorithm: options.algorithm, to: index)
        } catch {
            throw .writing(error, index)
        }
        return PublishedImage(
            size: image.imageSize, blockSize: options.blockSize, blocks: loop.count,
            distinctBlocks: table.distinctCount, zeroBlocks: table.zeroBlocks.load(ordering: .relaxed),
            unreadBlocks: 0, newBlocks: table.newBlocks.load(ordering: .relaxed),
            newBytes: table.newBytes.load(ordering: .relaxed),
            storedBytes: table.storedBytes.load(ordering: .relaxed), digest: nil,
            nanoseconds: MonotonicClock.nanoseconds - started)
    }
}
