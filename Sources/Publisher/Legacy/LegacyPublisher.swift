import BlockStore
import ContentAddress
import ImageIndex
import Linux
import Synchronization
import Zlib

/// Publishes in the form of 2009: blocks named by their SHA-1, zlib, in `blockfile/` beside a text index. It is for old clients; nothing
/// in it is authenticated.
package struct LegacyPublisher: Sendable {
    private let progress: PublishProgress
    private let cancellation: Cancellation

    package init(progress: PublishProgress = PublishProgress(), cancellation: Cancellation = Cancellation()) {
        self.progress = progress
        self.cancellation = cancellation
    }

    /// What `mksha1files` does. Waits for the disk.
    /// - Parameters:
    ///   - image: a raw disk, an ISO or a block device, packed or in another disk format or not.
    ///   - index: where the index appears, by rename, once all blocks are stored.
    ///   - blockSize: bytes of a block: a multiple of 512.
    /// - Throws: ``PublisherError``.
    package func publish(image: String, index: String, blockSize: Int) throws(PublisherError) -> PublishedImage {
        guard BlockSize.isLegacyWritable(blockSize) else {
            throw .usage(
                option: "BLOCKSIZE",
                reason: "\(blockSize) is not a multiple of 512 up to \(BlockSize.writable.upperBound)")
        }
        guard try !ImageSource(path: image).isSameFile(as: index) else {
            throw .usage(option: "INDEX", reason: "\(index) is the image itself")
        }
        let prepared = try PreparedImage(
            image, beside: index, options: try PublishOptions(), progress: progress, cancellation: cancellation)
        defer { prepared.remove() }
        let source = try ImageSource(path: prepared.path, size: prepared.size)
        let made = try write(.image(source, blockSize: blockSize), blockSize, source.size, index) {
            () throws(PublisherError) in try source.checkUnchanged()
        }
        return made
    }

    /// Rewrites an image of ours, whose blocks are in a casync chunk store.
    /// - Throws: ``PublisherError``; content-defined blocks cannot be rewritten.
    package func convert(index source: String, store: String, to index: String) throws(PublisherError) -> PublishedImage
    {
        let image: ImageIndex
        do { image = try ImageIndex(path: source) } catch { throw .index(path: source, error) }
        guard let blockSize = image.fixedBlockSize, BlockSize.isLegacyWritable(blockSize) || image.count == 1 else {
            throw .usage(
                option: "INDEX", reason: "\(source) has blocks of different lengths; LBCAS needs them equal")
        }
        // A single short block does not tell the block size that was meant.
        let size = image.count == 1 ? max(512, (blockSize + 511) / 512 * 512) : blockSize
        return try write(.index(image, folder: store), size, image.imageSize, index) { () throws(PublisherError) in }
    }

    private func write(
        _ reading: BlockReading, _ blockSize: Int, _ imageSize: UInt64, _ index: String,
        check: () throws(PublisherError) -> Void
    ) throws(PublisherError) -> PublishedImage {
        let started = MonotonicClock.nanoseconds
        let folder = BlockFileFolder(besideIndex: index)
        try OutputFolder.make(folder.path)
        StaleFiles.remove(beside: index)
        let ingest = try IngestFolder(store: folder.path)
        defer { ingest.remove() }
        let loop = BlockLoop(
            reading: reading, blockSize: blockSize, imageSize: imageSize, progress: progress,
            cancellation: cancellation)
        let lastLength = Int(imageSize - UInt64(loop.count - 1) * UInt64(blockSize))
        let zeros = ZeroBlocks(blockSize: blockSize, lastLength: lastLength, algorithm: .sha1)
        let table = BlockTable(count: loop.count, filledWith: zeros.full)
        progress.begin(.blocks, total: imageSize)
        try loop.run { () throws(PublisherError) in
            let output = ReadRun(capacity: Zlib.bound(blockSize))
            return { (position, run) throws(PublisherError) in
                let id: BlockID
                if BlockWorker.isZero(run.bytes) {
                    id = zeros.id(length: run.count)
                    table.zeroBlocks.add(1, ordering: .relaxed)
                } else {
                    id = DigestAlgorithm.sha1.blockID(of: run.bytes)
                }
                table.set(id, at: position)
                guard table.claim(id) else { return }
                try LegacyPublisher.keep(id, run.bytes, output, folder, ingest, table)
            }
        }
        try check()
        progress.begin(.index, total: 0)
        try cancellation.check()
        do {
            try LBCASIndexWriter.write(
                LBCASHeader(blockSize: blockSize, imageSize: imageSize), blocks: table.all, to: index)
        } catch {
            throw .writing(error, index)
        }
        return PublishedImage(
            size: imageSize, blockSize: blockSize, blocks: loop.count, distinctBlocks: table.distinctCount,
            zeroBlocks: table.zeroBlocks.load(ordering: .relaxed), unreadBlocks: 0,
            newBlocks: table.newBlocks.load(ordering: .relaxed), newBytes: table.newBytes.load(ordering: .relaxed),
            storedBytes: table.storedBytes.load(ordering: .relaxed), digest: nil,
            nanoseconds: MonotonicClock.nanoseconds - started)
    }

    private static func keep(
        _ id: BlockID, _ block: UnsafeRawBufferPointer, _ output: ReadRun, _ folder: BlockFileFolder,
        _ ingest: IngestFolder, _ table: BlockTable
    ) throws(PublisherError) {
        if let size = folder.storedSize(of: id, length: block.count) {
            table.storedBytes.add(size, ordering: .relaxed)
            return
        }
        output.count = Zlib.bound(block.count)
        let size: Int
        do { size = try Zlib.compress(block, into: output.space) } catch { throw .compression(reason: "\(error)") }
        do {
            try folder.store(id, UnsafeRawBufferPointer(rebasing: output.bytes[..<size]), by: ingest)
        } catch {
            throw .unwritable(error)
        }
        table.newBlocks.add(1, ordering: .relaxed)
        table.newBytes.add(UInt64(size), ordering: .relaxed)
        table.storedBytes.add(UInt64(size), ordering: .relaxed)
    }
}

/// An LBCAS store's folder on the local disk: `blockfile/<40 hex>`, zlib.
struct BlockFileFolder: Sendable {
    let path: String

    /// The store that belongs to an index: the folder beside it.
    init(besideIndex index: String) {
        path = "\(Folder.parent(of: index) ?? ".")/blockfile"
    }

    func path(of id: BlockID) -> String { "\(path)/\(id.sha1)" }

    /// Bytes of a block's file; nil when there is none that could be the block.
    func storedSize(of id: BlockID, length: Int) -> UInt64? {
        // What cannot be seen is written again.
        guard let status = try? Paths.status(path(of: id)), status.kind == .regular else {
            return nil
        }
        // A zlib stream that holds a byte has more than 8.
        return (9...Zlib.bound(length)).contains(status.size) ? UInt64(status.size) : nil
    }

    /// Stores a compressed block; it appears whole or not at all.
    /// - Throws: ``SystemCallError``.
    func store(_ id: BlockID, _ stream: UnsafeRawBufferPointer, by ingest: IngestFolder) throws(SystemCallError) {
        try ingest.write(stream, to: path(of: id))
    }
}
