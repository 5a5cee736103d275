import Collections
import ContentAddress
import Linux
import Zlib
import Zstd

/// Threads that decompress and verify blocks, one per core.
///
/// First come, first served. Which block goes before which was decided when it was asked for: mirrors answer a few at a time
/// and a block takes about a millisecond, so that even the last of them waits for only a few.
package final class DecodePool: Sendable {
    package typealias Job = @Sendable (ChunkDecoder) -> Void

    /// The program's pool; its threads live as long as the process.
    package static let shared = DecodePool(name: "decode", threads: cores)
    /// For reading whole blocks of the cache ahead of their use. A slow disk must not hold up what has come over the network.
    package static let lookups = DecodePool(name: "lookup", threads: cores)
    /// For files of a folder, read where they are decompressed: a stick or a share that hangs must not hold up what has come over
    /// the network.
    package static let files = DecodePool(name: "files", threads: cores)

    private static let cores = max(2, Machine.processors)

    private struct Queue {
        var jobs: Deque<Job> = []
        var isClosed = false
    }

    private let queue: Monitor<Queue>
    private let hasThreads: Bool

    /// - Parameter name: of its threads.
    package init(name: String, threads: Int) {
        let queue = Monitor(Queue())
        self.queue = queue
        let started = (0..<threads).prefix { _ in
            // Fewer threads will do; without any, callers do the jobs.
            (try? WorkerThread.start(name: name) { DecodePool.work(queue) }) != nil
        }
        hasThreads = !started.isEmpty
    }

    deinit { queue.change { $0.isClosed = true } }

    /// Queues a job. Never waits, unless no thread could be started: then the caller does the job.
    package func submit(_ job: @escaping Job) {
        guard hasThreads else { return job(ChunkDecoder()) }
        // Whoever waits saw no job. The first one wakes all of them; until it is taken nobody waits again.
        queue.change(wakingIf: { queue in
            queue.jobs.append(job)
            return ((), queue.jobs.count == 1)
        })
    }

    private static func work(_ queue: Monitor<Queue>) {
        let decoder = ChunkDecoder()
        while true {
            // Jobs first: a closed pool still does what it was given.
            let next: Job?? = queue.wait { queue in
                if let job = queue.jobs.popFirst() { return .some(job) }
                return queue.isClosed ? .some(nil) : nil
            }
            guard let job = next ?? nil else { return }
            job(decoder)
        }
    }
}

/// Turns stored bytes into a verified block. Each thread of a ``DecodePool`` has one.
package final class ChunkDecoder {
    private var decompressor: ZstdDecompressor?

    package init() {}

    /// The most bytes that a stored block of this length can have, compressed or not.
    package static func maximumStoredBytes(_ length: Int) -> Int {
        // zstd's bound, and room for the skippable frames and check sums of other writers.
        ZstdCompressor.bound(length) + 4096
    }

    /// Decompresses the body of a `.cacnk` file. The output never grows past the block's length.
    /// - Parameters:
    ///   - place: URL or path, for the error.
    ///   - wait: seconds to the answer's first byte, where it was measured.
    /// - Throws: ``BlockStoreError/corrupt(_:place:reason:)``.
    package func decode(
        compressed body: UnsafeRawBufferPointer, for request: BlockRequest, place: String, wait: Double? = nil
    ) throws(BlockStoreError) -> BlockBytes {
        let bytes: BlockBytes
        do throws(ZstdError) {
            let decompressor = try context()
            var written = 0
            bytes = try BlockBytes(length: request.length, transferred: body.count, wait: wait) {
                (output) throws(ZstdError) in
                written = try decompressor.decompress(body, into: output)
            }
            guard written == request.length else {
                throw ZstdError.malformed(reason: "\(written) bytes, not \(request.length)")
            }
        } catch {
            throw .corrupt(request.id, place: place, reason: ChunkDecoder.phrase(error))
        }
        return try ChunkDecoder.verify(bytes, for: request, place: place)
    }

    /// Takes the bytes of an uncompressed block.
    /// - Throws: ``BlockStoreError/corrupt(_:place:reason:)``.
    package func decode(
        uncompressed body: UnsafeRawBufferPointer, for request: BlockRequest, place: String, wait: Double? = nil
    ) throws(BlockStoreError) -> BlockBytes {
        guard body.count == request.length else {
            throw .corrupt(request.id, place: place, reason: "\(body.count) bytes, not \(request.length)")
        }
        let bytes = BlockBytes(length: request.length, transferred: body.count, wait: wait) {
            $0.copyMemory(from: body)
        }
        return try ChunkDecoder.verify(bytes, for: request, place: place)
    }

    /// Inflates a block file of an LBCAS store. The output never grows past the block's length.
    /// - Throws: ``BlockStoreError/corrupt(_:place:reason:)``.
    package func decode(
        blockFile body: UnsafeRawBufferPointer, for request: BlockRequest, place: String, wait: Double? = nil
    ) throws(BlockStoreError) -> BlockBytes {
        let bytes: BlockBytes
        do throws(Zlib.Failure) {
            var written = 0
            bytes = try BlockBytes(length: request.length, transferred: body.count, wait: wait) {
                (output) throws(Zlib.Failure) in
                written = try Zlib.decompress(body, into: output)
            }
            guard written == request.length else { throw .malformed }
        } catch {
            let reason: String =
                switch error {
                case .tooLarge(let limit): "it unpacks to more than \(limit) bytes"
                case .malformed: "it is not a zlib stream of \(request.length) bytes"
                case .outOfMemory: "there is not enough memory to unpack it"
                }
            throw .corrupt(request.id, place: place, reason: reason)
        }
        return try ChunkDecoder.verify(bytes, for: request, place: place)
    }

    private func context() throws(ZstdError) -> ZstdDecompressor {
        if let decompressor { return decompressor }
        let decompressor = try ZstdDecompressor()
        self.decompressor = decompressor
        return decompressor
    }

    private static func verify(
        _ bytes: BlockBytes, for request: BlockRequest, place: String
    ) throws(BlockStoreError) -> BlockBytes {
        let flaw: String?
        do throws(SystemCallError) {
            flaw = try bytes.withUnsafeBytes { (bytes) throws(SystemCallError) in
                try request.flaw(of: bytes, from: .place)
            }
        } catch {
            throw .unreachable(place: request.ledger?.path ?? place, cause: error)
        }
        if let flaw { throw .corrupt(request.id, place: place, reason: flaw) }
        return bytes
    }

    private static func phrase(_ error: ZstdError) -> String {
        switch error {
        case .malformed(let reason), .compression(let reason): reason
        case .tooLarge(let limit): "it unpacks to more than \(limit) bytes"
        }
    }
}
