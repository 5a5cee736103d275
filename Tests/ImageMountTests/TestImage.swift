import BlockStore
import ContentAddress
import Glibc
import ImageIndex
import Linux
import TestSupport

/// An image whose bytes are known, its index in a file, and the blocks for a store.
struct TestImage {
    let bytes: [UInt8]
    let index: ImageIndex
    let blocks: [IndexedBlock]

    /// Fixed blocks; every third one is a hole, the last is short.
    static func fixed(blockSize: Int = 65536, count: Int = 12, last: Int = 1000, in folder: TemporaryFolder) throws
        -> TestImage
    {
        var random = SeededRandom(seed: 7)
        var bytes: [UInt8] = []
        var ids: [BlockID] = []
        for position in 0..<count {
            let length = position == count - 1 ? last : blockSize
            let block = position % 3 == 2 ? [UInt8](repeating: 0, count: length) : random.bytes(length)
            bytes += block
            ids.append(block.withUnsafeBytes { DigestAlgorithm.sha256.blockID(of: $0) })
        }
        let path = folder.path("image.caibx")
        try ImageIndexWriter.write(
            blocks: ids, blockSize: blockSize, imageSize: UInt64(bytes.count), algorithm: .sha256, to: path)
        return try TestImage(bytes: bytes, path: path)
    }

    /// Any bytes in fixed blocks.
    static func holding(_ bytes: [UInt8], blockSize: Int = 65536, in folder: TemporaryFolder) throws -> TestImage {
        let ids = stride(from: 0, to: bytes.count, by: blockSize).map { start in
            bytes[start..<min(start + blockSize, bytes.count)].withUnsafeBytes {
                DigestAlgorithm.sha256.blockID(of: $0)
            }
        }
        let path = folder.path("image.caibx")
        try ImageIndexWriter.write(
            blocks: ids, blockSize: blockSize, imageSize: UInt64(bytes.count), algorithm: .sha256, to: path)
        return try TestImage(bytes: bytes, path: path)
    }

    /// Blocks of all lengths, written word by word as `caformat.h` has it.
    static func contentDefined(count: Int = 200, in folder: TemporaryFolder) throws -> TestImage {
        var random = SeededRandom(seed: 11)
        var bytes: [UInt8] = []
        var index: [UInt8] = []
        func append(_ words: UInt64...) {
            for word in words { withUnsafeBytes(of: word.littleEndian) { index += $0 } }
        }
        append(48, 0x9682_4d9c_7b12_9ff9, 0x9000_0000_0000_0000, 512, 4096, 16384, .max, 0xe75b_9e11_2f17_417d)
        for position in 0..<count {
            let length = position.isMultiple(of: 10) ? 16384 : Int.random(in: 512...16383, using: &random)
            let block = position.isMultiple(of: 10) ? [UInt8](repeating: 0, count: length) : random.bytes(length)
            bytes += block
            append(UInt64(bytes.count))
            block.withUnsafeBytes { DigestAlgorithm.sha256.blockID(of: $0) }.withUnsafeBytes { index += $0 }
        }
        append(0, 0, 48, UInt64(16 + (count + 1) * 40), 0x4b4f_050e_5549_ecd1)
        let path = folder.path("image.caibx")
        try AtomicFile.write(index, to: path)
        return try TestImage(bytes: bytes, path: path)
    }

    private init(bytes: [UInt8], path: String) throws {
        self.bytes = bytes
        index = try ImageIndex(path: path)
        var blocks: [IndexedBlock] = []
        try index.forEachBlock { blocks.append($0) }
        self.blocks = blocks
    }

    /// A store with all blocks but the holes: a fetch of one is an error.
    func store(answersAtOnce: Bool = false) -> InMemoryBlockStore {
        let store = InMemoryBlockStore(answersAtOnce: answersAtOnce, keepsLocally: true)
        for block in blocks where !block.isHole {
            store.put(Array(bytes[Int(block.offset)..<Int(block.end)]), as: block.id)
        }
        return store
    }

    func slice(_ offset: Int, _ length: Int) -> [UInt8] {
        Array(bytes[min(offset, bytes.count)..<min(offset + length, bytes.count)])
    }
}
