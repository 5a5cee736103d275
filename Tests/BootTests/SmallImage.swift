import BlockStore
import ContentAddress
import ImageIndex
import Linux
import TestSupport
import Zstd

/// An image of a few blocks, its index, and its blocks as a published store has them.
struct SmallImage {
    /// Unless a test says otherwise.
    static let blockSize = 4096

    let contents: [[UInt8]]
    let ids: [BlockID]
    let index: ImageIndex
    let indexPath: String

    /// - Parameters:
    ///   - letters: one block each; the same letter is the same block, `.` is a hole.
    ///   - last: bytes of the last block.
    init(
        _ letters: String, blockSize: Int = SmallImage.blockSize, last: Int = 1000, in folder: TemporaryDirectory
    ) throws {
        contents = letters.enumerated().map { position, letter in
            let length = position == letters.count - 1 ? last : blockSize
            if letter == "." { return [UInt8](repeating: 0, count: length) }
            var random = SeededRandom(seed: UInt64(letter.asciiValue ?? 0))
            return random.bytes(length)
        }
        ids = contents.map { block in block.withUnsafeBytes { DigestAlgorithm.sha256.blockID(of: $0) } }
        indexPath = folder.path("image.caibx")
        try ImageIndexWriter.write(
            blocks: ids, blockSize: blockSize, imageSize: UInt64(contents.map(\.count).reduce(0, +)),
            algorithm: .sha256, to: indexPath)
        index = try ImageIndex(path: indexPath)
    }

    func request(_ position: Int) -> BlockRequest {
        BlockRequest(id: ids[position], length: contents[position].count, algorithm: .sha256)
    }

    /// Writes a block compressed, as a publisher does.
    func publish(_ position: Int, to store: String) throws {
        try SmallImage.publish(contents[position], as: ids[position], to: store)
    }

    /// The same with any bytes.
    static func publish(_ bytes: [UInt8], as id: BlockID, to store: String) throws {
        let compressor = try ZstdCompressor(level: 3)
        var output = [UInt8](repeating: 0, count: ZstdCompressor.bound(bytes.count))
        let count = try bytes.withUnsafeBytes { input in
            try output.withUnsafeMutableBytes { try compressor.compress(input, into: $0) }
        }
        let path = "\(store)/\(id.chunkStorePath)"
        try Folder.make("\(store)/\(id.hex.prefix(4))")
        try AtomicFile.write(Array(output.prefix(count)), to: path)
    }
}

extension InMemoryBlockStore {
    convenience init(_ image: SmallImage) {
        let blocks = Dictionary(zip(image.ids, image.contents), uniquingKeysWith: { first, _ in first })
        self.init(blocks, answersAtOnce: false)
    }
}
