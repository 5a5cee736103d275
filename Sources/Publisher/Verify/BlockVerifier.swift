import ContentAddress
import Linux
import Synchronization
import Zstd

/// A block that an index names, and the first version that does.
struct WantedBlock: Sendable {
    let id: BlockID
    let length: Int
    let algorithm: DigestAlgorithm
    let version: String
}

/// Reads stored blocks and compares them with their names. One thread at a time may use it.
final class BlockVerifier {
    private let store: ChunkStoreFolder
    private let decompressor: ZstdDecompressor
    private var stored: [UInt8] = []
    private var content: [UInt8] = []
    /// Of the block that was looked at last: bytes of its file, and of its content.
    private(set) var storedLength = 0
    private var contentLength = 0

    /// - Throws: ``PublisherError/compression(reason:)`` when there is no memory.
    init(store: ChunkStoreFolder) throws(PublisherError) {
        self.store = store
        do { decompressor = try ZstdDecompressor() } catch { throw .compression(reason: "\(error)") }
    }

    /// What is wrong with a block, or nil.
    func problem(with block: WantedBlock) -> TreeProblem? {
        func damaged(_ reason: String) -> TreeProblem {
            .blockDamaged(block.id, version: block.version, reason: reason)
        }
        do {
            let file = try FileHandle(store.path(of: block.id), for: .reading)
            let size = try file.status().size
            guard size <= ZstdCompressor.bound(block.length) else { return damaged("its file is too long") }
            (storedLength, contentLength) = (size, block.length)
            if stored.count < size { stored = [UInt8](repeating: 0, count: size) }
            if content.count < block.length { content = [UInt8](repeating: 0, count: block.length) }
            let read = try stored.withUnsafeMutableBytes {
                try file.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[..<size]), at: 0)
            }
            let length = try stored.withUnsafeBytes { input in
                try content.withUnsafeMutableBytes { output in
                    try decompressor.decompress(
                        UnsafeRawBufferPointer(rebasing: input[..<read]),
                        into: UnsafeMutableRawBufferPointer(rebasing: output[..<block.length]))
                }
            }
            guard length == block.length else { return damaged("\(length) bytes instead of \(block.length)") }
            let actual = content.withUnsafeBytes {
                block.algorithm.blockID(of: UnsafeRawBufferPointer(rebasing: $0[..<length]))
            }
            return actual == block.id ? nil : damaged("its digest is \(actual)")
        } catch let error as SystemCallError {
            return .blockUnreadable(block.id, version: block.version, error)
        } catch let error as ZstdError {
            return damaged("\(error)")
        } catch {
            return damaged("\(error)")
        }
    }

    /// The bytes of the block that was looked at last, where nothing is wrong with it.
    func withContent<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
        try content.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[..<contentLength])) }
    }
}

extension BlockVerifier {
    /// A block's bytes, once they are seen to be right.
    /// - Throws: ``PublisherError/damagedBlock(path:reason:)``.
    func bytes(of block: WantedBlock) throws(PublisherError) -> [UInt8] {
        if let problem = problem(with: block) {
            throw .damagedBlock(path: store.path(of: block.id), reason: problem.reason)
        }
        return Array(content[..<block.length])
    }

    /// What a look at many blocks found: what is wrong with some, and the files of the others as they were before they were read.
    struct Findings {
        var problems: [BlockID: TreeProblem] = [:]
        var right: [BlockID: VerifiedBlocks.Seen] = [:]
    }

    /// Looks at blocks on all processors.
    /// - Parameter now: seconds since 1970, for the record.
    /// - Throws: ``PublisherError``: `interrupted`, `compression`, or that no thread could be started.
    static func verify(
        _ blocks: [WantedBlock], in store: ChunkStoreFolder, now: Int64, progress: PublishProgress,
        cancellation: Cancellation
    ) throws(PublisherError) -> Findings {
        let work = Work(blocks: blocks)
        let workers = max(1, min(blocks.count, RunQueue.processors))
        let queue = RunQueue(runs: 0, capacity: 0, workers: workers)
        for number in 0..<workers {
            queue.startWorker(name: "verify-\(number)") { () throws(PublisherError) in
                let verifier = try BlockVerifier(store: store)
                while let block = work.next() {
                    try cancellation.check()
                    // Looked at before it is read: what is written meanwhile is not taken for what was read.
                    let file = VerifiedBlocks.look(at: store.path(of: block.id), now: now)
                    work.done(block.id, verifier.problem(with: block), file)
                    progress.add(UInt64(block.length))
                }
            }
        }
        try queue.finish()
        return work.findings
    }

    /// The blocks that are still to be looked at, and what was found.
    private final class Work: Sendable {
        private let blocks: [WantedBlock]
        private let position = Atomic<Int>(0)
        private let found = Mutex(Findings())

        init(blocks: [WantedBlock]) { self.blocks = blocks }

        func next() -> WantedBlock? {
            let next = position.add(1, ordering: .relaxed).oldValue
            return next < blocks.count ? blocks[next] : nil
        }

        func done(_ id: BlockID, _ problem: TreeProblem?, _ file: VerifiedBlocks.Seen?) {
            found.withLock { found in
                if let problem { found.problems[id] = problem } else if let file { found.right[id] = file }
            }
        }

        var findings: Findings { found.withLock { $0 } }
    }
}
