import ContentAddress
import Linux

/// One pass over an image: reads its data, skips its holes, and feeds the workers.
final class BlockPipeline {
    private let source: ImageSource
    private let options: PublishOptions
    private let table: BlockTable
    private let zeros: ZeroBlocks
    private let store: ChunkStoreFolder
    private let ingest: IngestFolder
    private let queue: RunQueue
    private let runSize: UInt64
    private let progress: PublishProgress
    private let cancellation: Cancellation
    private let digester: ImageDigester?
    private let unchanged: UnchangedBlocks?
    private var unread = 0
    /// One block of zeros, from the first hole on.
    private var zeroRun: ReadRun?

    /// - Throws: ``PublisherError/unwritable(_:)``.
    init(
        source: ImageSource, options: PublishOptions, table: BlockTable, zeros: ZeroBlocks, store: ChunkStoreFolder,
        digester: ImageDigester?, unchanged: UnchangedBlocks?, runSize: Int, memory: Int, progress: PublishProgress,
        cancellation: Cancellation
    ) throws(PublisherError) {
        self.source = source
        self.options = options
        self.table = table
        self.zeros = zeros
        self.store = store
        self.runSize = UInt64(runSize)
        self.progress = progress
        self.cancellation = cancellation
        ingest = try IngestFolder(store: store.path)
        self.digester = digester
        self.unchanged = unchanged
        let runs = max(2, min(2 * options.workers + 2, memory / runSize))
        queue = RunQueue(runs: runs, capacity: runSize, workers: options.workers)
    }

    /// Reads everything and waits for the workers.
    /// - Returns: the number of blocks that were not read.
    /// - Throws: the first ``PublisherError`` of the reader or a worker.
    func run() throws(PublisherError) -> Int {
        for number in 0..<options.workers { startWorker(number) }
        do {
            try readAll()
        } catch {
            queue.fail(error)
        }
        // No deinit does this: a worker thread may hold its last reference until after the program's exit.
        defer { ingest.remove() }
        try queue.finish()
        return unread
    }

    private func startWorker(_ number: Int) {
        let (options, store, ingest, table, zeros) = (options, store, ingest, table, zeros)
        let (queue, progress, digester) = (queue, progress, digester)
        queue.startWorker(name: "blocks-\(number)") { () throws(PublisherError) in
            let worker = try BlockWorker(options: options, store: store, ingest: ingest, table: table, zeros: zeros)
            while let run = queue.takeFull() {
                try worker.work(on: run)
                // No known image, by all likelihood.
                if table.newBlocks.load(ordering: .relaxed) > 0 || !options.storesBlocks { digester?.start() }
                progress.add(UInt64(run.count))
                queue.putFree(run)
            }
        }
    }

    private func readAll() throws(PublisherError) {
        let blockSize = UInt64(options.blockSize)
        var offset: UInt64 = 0
        while offset < source.size {
            // Whole blocks around the next extent of data; what lies before is whole blocks of hole.
            let data = source.data(from: offset)
            let start = data.map { max(offset, $0.lowerBound / blockSize * blockSize) } ?? source.size
            if start > offset { try skip(offset..<start) }
            guard let data else { break }
            let end = min(source.size, (data.upperBound + blockSize - 1) / blockSize * blockSize)
            offset = start
            while offset < end {
                if try take(at: offset) {
                    offset = min(end, offset + blockSize)
                    continue
                }
                let stop = endOfRun(from: offset, to: end)
                guard try read(offset..<stop) else { return }
                offset = stop
            }
        }
    }

    /// Gives a block the name that it had in an earlier image.
    /// - Returns: false for one that must be read.
    private func take(at offset: UInt64) throws(PublisherError) -> Bool {
        guard let unchanged else { return false }
        try cancellation.check()
        let blockSize = UInt64(options.blockSize)
        guard try unchanged.take(Int(offset / blockSize), table, store) else { return false }
        progress.add(min(blockSize, source.size - offset))
        return true
    }

    /// What is read at once ends where a block need not be read.
    private func endOfRun(from offset: UInt64, to end: UInt64) -> UInt64 {
        let most = min(end, offset + runSize)
        guard let unchanged else { return most }
        let blockSize = UInt64(options.blockSize)
        var stop = min(most, offset + blockSize)
        while stop < most, !unchanged.isTaken(Int(stop / blockSize)) { stop = min(most, stop + blockSize) }
        return stop
    }

    /// - Returns: false when a worker has failed.
    private func read(_ range: Range<UInt64>) throws(PublisherError) -> Bool {
        try cancellation.check()
        guard let run = queue.takeFree() else { return false }
        run.firstBlock = Int(range.lowerBound / UInt64(options.blockSize))
        run.count = Int(range.upperBound - range.lowerBound)
        try source.read(into: run.space, at: range.lowerBound)
        queue.putFull(run)
        return true
    }

    /// Notes the blocks of a hole. Its block of zeros is stored all the same, once per length: casync wants it.
    private func skip(_ hole: Range<UInt64>) throws(PublisherError) {
        try cancellation.check()
        let blockSize = UInt64(options.blockSize)
        let count = Int((hole.upperBound - hole.lowerBound + blockSize - 1) / blockSize)
        let last = Int(hole.upperBound - hole.lowerBound - UInt64(count - 1) * blockSize)
        // The table begins filled with whole blocks of zeros.
        let lastID = zeros.id(length: last)
        table.set(lastID, at: Int(hole.lowerBound / blockSize) + count - 1)
        if count > 1 { try keepZeros(zeros.id(length: options.blockSize), options.blockSize) }
        try keepZeros(lastID, last)
        unread += count
        table.zeroBlocks.add(count, ordering: .relaxed)
        progress.add(hole.upperBound - hole.lowerBound)
    }

    private func keepZeros(_ id: BlockID, _ length: Int) throws(PublisherError) {
        guard table.claim(id) else { return }
        let worker = try BlockWorker(options: options, store: store, ingest: ingest, table: table, zeros: zeros)
        try worker.keepZeros(id, zeroBytes(length))
    }

    private func zeroBytes(_ count: Int) -> UnsafeRawBufferPointer {
        let run: ReadRun
        if let zeroRun {
            run = zeroRun
        } else {
            run = ReadRun(capacity: options.blockSize)
            run.count = options.blockSize
            run.space.initializeMemory(as: UInt8.self, repeating: 0)
            zeroRun = run
        }
        return UnsafeRawBufferPointer(rebasing: run.bytes[..<count])
    }
}
