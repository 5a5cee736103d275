import BlockStore
import ContentAddress
import Linux
import TestSupport
import Zstd

/// A few blocks with known bytes, and ways to put them into stores.
struct TestImage: Sendable {
    let algorithm: DigestAlgorithm
    let blocks: [[UInt8]]
    let requests: [BlockRequest]

    /// - Parameter seed: images with different seeds share no block.
    init(count: Int = 8, length: Int = 16_384, algorithm: DigestAlgorithm = .sha256, seed: UInt64 = 1) {
        self.algorithm = algorithm
        blocks = (0..<count).map { number in
            var state = seed &* 0x9e37_79b9_7f4a_7c15 &+ UInt64(number) &* 0xd134_2543_de82_ef95 &+ 1
            // The last block is shorter, as in most images.
            let size = number == count - 1 && count > 1 ? length / 3 : length
            return (0..<size).map { position in
                if position % 4 == 0 { state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407 }
                return UInt8(truncatingIfNeeded: state >> 33) & (position % 4 < 2 ? 0xff : 0x0f)
            }
        }
        requests = blocks.map { block in
            BlockRequest(
                id: block.withUnsafeBytes { algorithm.blockID(of: $0) }, length: block.count, algorithm: algorithm)
        }
    }

    var ids: [BlockID] { requests.map(\.id) }

    func path(_ number: Int) -> String { "/" + requests[number].id.chunkStorePath }

    /// Writes blocks as a casync chunk store.
    func write(to folder: String, only numbers: [Int]? = nil) throws {
        for number in numbers ?? Array(blocks.indices) {
            let path = "\(folder)/\(requests[number].id.chunkStorePath)"
            try Folder.make(String(path.dropLast(70)))
            try AtomicFile.write(try TestImage.compress(blocks[number]), to: path)
        }
    }

    static func compress(_ bytes: [UInt8]) throws -> [UInt8] {
        let compressor = try ZstdCompressor(level: 3)
        var output = [UInt8](repeating: 0, count: ZstdCompressor.bound(bytes.count))
        let count = try bytes.withUnsafeBytes { input in
            try output.withUnsafeMutableBytes { try compressor.compress(input, into: $0) }
        }
        return Array(output.prefix(count))
    }
}

extension BlockRequest {
    func with(_ priority: Priority) -> BlockRequest {
        BlockRequest(id: id, length: length, algorithm: algorithm, priority: priority)
    }

    /// As of a reader that has just looked, or looked then.
    func missed(at time: UInt64 = MonotonicClock.nanoseconds) -> BlockRequest {
        BlockRequest(id: id, length: length, algorithm: algorithm, missedAt: time)
    }
}

extension InMemoryBlockStore {
    convenience init(_ image: TestImage) {
        self.init(Dictionary(zip(image.ids, image.blocks), uniquingKeysWith: { first, _ in first }))
    }
}

extension BlockBytes {
    var bytes: [UInt8] { withUnsafeBytes { [UInt8]($0) } }
}

extension BlockStore {
    /// The fast path on a thread that may block; nil when it has to be fetched.
    func readNow(_ request: BlockRequest, at offset: Int = 0, count: Int? = nil) async throws -> [UInt8]? {
        try await WorkerThread.run(name: "test-read") {
            var bytes = [UInt8](repeating: 0xee, count: count ?? request.length - offset)
            return bytes.withUnsafeMutableBytes { self.read(request, at: offset, into: $0) } ? bytes : nil
        }
    }

    /// The failure of a fetch; nil when it went well.
    func failure(_ request: BlockRequest) async -> BlockStoreError? {
        do {
            _ = try await block(request)
            return nil
        } catch {
            return error as? BlockStoreError
        }
    }
}

extension BlockStoreError {
    var isMissing: Bool { if case .missing = self { true } else { false } }
    var isCorrupt: Bool { if case .corrupt = self { true } else { false } }
    var isUnreachable: Bool { if case .unreachable = self { true } else { false } }
    var isClosed: Bool { if case .closed = self { true } else { false } }
}
