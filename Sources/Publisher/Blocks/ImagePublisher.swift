import ContentAddress
import Curl
import Formats
import ImageIndex
import Linux

/// Cuts an image into blocks, stores those that are not in the store yet, and writes the index last.
///
/// An image becomes blocks like this. ``PreparedImage`` fetches, unpacks and converts it to a raw file where it must. ``BlockPipeline``, on the
/// calling thread, reads the data of that file in runs of whole blocks, leaves out its holes, and hands the runs to workers by a
/// ``RunQueue`` that bounds the memory in flight. A ``BlockWorker`` names each block by its digest and notes the name in the ``BlockTable``;
/// the first worker that meets a name compresses the block, writes it in the ``IngestFolder`` and renames it into the store, where it is whole
/// or not there. ``ImageDigester`` hashes the whole image beside that. When all workers have ended, the table is written as the index.
///
/// A run that was killed is resumed by running again: blocks that are stored are touched, not compressed again. Whoever removes blocks takes
/// the store's lock alone (``StoreLock``), so none that this run found goes before its index is there.
package struct ImagePublisher: Sendable {
    private let options: PublishOptions
    private let progress: PublishProgress
    private let cancellation: Cancellation

    /// Bytes that are read at once, where a block is not longer.
    private static let runSize = 1_048_576
    /// Bytes in flight at most, however many processors there are.
    private static let memory = 268_435_456

    package init(
        options: PublishOptions, progress: PublishProgress = PublishProgress(),
        cancellation: Cancellation = Cancellation()
    ) {
        self.options = options
        self.progress = progress
        self.cancellation = cancellation
    }

    /// Publishes the image at a path. Waits for the disk; never call it on the cooperative pool.
    /// - Parameters:
    ///   - image: a raw disk, ISO or block device; a URL is fetched, what is packed unpacked, and another format converted by
    ///     qemu-img, to temporary files beside `index`.
    ///   - index: where the index appears, by rename.
    ///   - store: the block store's folder; created if absent.
    /// - Throws: ``PublisherError``. No index and no temporary file is left behind then; stored blocks stay.
    package func publish(image: String, index: String, store: String) throws(PublisherError) -> PublishedImage {
        if !URLText.isURL(image) {
            let source = try ImageSource(path: image)
            guard try !source.isSameFile(as: index) else {
                throw .usage(option: "INDEX", reason: "\(index) is the image itself")
            }
        }
        guard !Folder.isFolder(index) else {
            throw .unwritable(SystemCallError(.isAFolder, call: "open", subject: index))
        }
        let folder = Folder.parent(of: index) ?? "/"
        do { try Paths.checkWritable(folder) } catch {
            throw .unwritable(SystemCallError(code: error.code, call: "open", subject: folder))
        }
        try OutputFolder.make(store)
        // A prune that sweeps the store holds it alone.
        let lock = try StoreLock.take(store, exclusive: false)
        defer { lock.unlock() }
        StaleFiles.remove(beside: index)
        let prepared =
            try options.earlier?.isBitmap == true
            ? PreparedImage(inPlace: image, cancellation: cancellation)
            : PreparedImage(image, beside: index, options: options, progress: progress, cancellation: cancellation)
        defer { prepared.remove() }
        do throws(PublisherError) {
            let file = try ImageSource(path: prepared.path, size: prepared.size)
            let source = try prepared.isInPlace ? ImageSource(qcow2: file) : file
            var published = try publish(source, index: index, store: store)
            published.format = prepared.format
            published.identity = prepared.path == image && !prepared.isInPlace ? file.identity : nil
            return published
        } catch {
            // The name of a temporary file means nothing to the user.
            let shown = URLText.isURL(image) ? URLText.public(image) : image
            switch error {
            case .image(_, let problem): throw .image(path: shown, problem)
            case .indexTooLong(_, let length, let limit, let blockSize):
                throw .indexTooLong(image: shown, length: length, limit: limit, blockSize: blockSize)
            default: throw error
            }
        }
    }

    /// Before hours of work whose result nobody could read.
    private func checkIndex(of source: ImageSource, blocks: Int) throws(PublisherError) {
        let length = ImageIndexWriter.length(blocks: blocks)
        guard let limit = options.longestIndex, length > limit else { return }
        var blockSize = options.blockSize.nextPowerOfTwo
        while blockSize <= BlockSize.writable.upperBound {
            let count = (source.size + UInt64(blockSize) - 1) / UInt64(blockSize)
            if ImageIndexWriter.length(blocks: Int(count)) <= limit { break }
            blockSize *= 2
        }
        throw .indexTooLong(
            image: source.path, length: length, limit: limit,
            blockSize: blockSize <= BlockSize.writable.upperBound ? blockSize : nil)
    }

    private func publish(_ source: ImageSource, index: String, store: String) throws(PublisherError) -> PublishedImage {
        let started = MonotonicClock.nanoseconds
        let size = UInt64(options.blockSize)
        let count = Int((source.size + size - 1) / size)
        try checkIndex(of: source, blocks: count)
        let lastLength = Int(source.size - UInt64(count - 1) * size)
        let zeros = ZeroBlocks(blockSize: options.blockSize, lastLength: lastLength, algorithm: options.algorithm)
        let table = BlockTable(count: count, filledWith: zeros.full)
        progress.begin(.blocks, total: source.size)

        let unchanged = try options.earlier.map { earlier throws(PublisherError) in
            try UnchangedBlocks(earlier, of: source, options)
        }
        // It takes every byte, those among them that are not to be read.
        let isDigested = options.digestsImage && options.earlier?.isVerified != false
        let digester = isDigested ? ImageDigester(source: source) : nil
        let pipeline = try BlockPipeline(
            source: source, options: options, table: table, zeros: zeros, store: ChunkStoreFolder(path: store),
            digester: digester, unchanged: unchanged,
            runSize: max(1, ImagePublisher.runSize / options.blockSize) * options.blockSize,
            memory: ImagePublisher.memory, progress: progress, cancellation: cancellation)
        let unread = try pipeline.run()
        let blocks = table.all
        try unchanged?.check(blocks)
        let isKnown = try options.known?.isMade(
            of: blocks, blockSize: options.blockSize, size: source.size, algorithm: options.algorithm)
        let digest = isKnown == true ? options.known?.digest : try digester?.finish(progress, cancellation)
        try source.checkUnchanged()

        progress.begin(.index, total: 0)
        try cancellation.check()
        do {
            try ImageIndexWriter.write(
                blocks: blocks, blockSize: options.blockSize, imageSize: source.size, algorithm: options.algorithm,
                to: index)
        } catch {
            throw .writing(error, index)
        }
        return PublishedImage(
            size: source.size, blockSize: options.blockSize, blocks: count, distinctBlocks: table.distinctCount,
            zeroBlocks: table.zeroBlocks.load(ordering: .relaxed), unreadBlocks: unread,
            newBlocks: table.newBlocks.load(ordering: .relaxed), newBytes: table.newBytes.load(ordering: .relaxed),
            storedBytes: table.storedBytes.load(ordering: .relaxed), takenBlocks: unchanged?.taken ?? 0,
            digest: digest, nanoseconds: MonotonicClock.nanoseconds - started)
    }
}

extension Int {
    /// The smallest power of two that is greater.
    fileprivate var nextPowerOfTwo: Int { 1 << (Int.bitWidth - leadingZeroBitCount) }
}

/// What came of publishing one image.
package struct PublishedImage: Sendable, Equatable {
    /// Bytes of the image.
    package var size: UInt64
    package var blockSize: Int
    /// Blocks of the image, and how many different ones.
    package var blocks: Int
    package var distinctBlocks: Int
    /// Blocks of zeros, and how many of those were not even read.
    package var zeroBlocks: Int
    package var unreadBlocks: Int
    /// Blocks that were not in the store, and their bytes there.
    package var newBlocks: Int
    package var newBytes: UInt64
    /// Bytes of the distinct blocks in the store, new or not.
    package var storedBytes: UInt64
    /// Blocks that were not read either: an earlier image has them.
    package var takenBlocks = 0
    /// The SHA-256 of the whole image where it was asked for, and all of it was read or it is a known one.
    package var digest: FileDigest?
    package var nanoseconds: UInt64
    /// How the disk lies in a vendor's file that was published as it is; nil for a disk itself.
    package var format: DiskFormat?
    /// How the file looked that is the image; nil where it is another's.
    var identity: ImageSource.Identity?
}
