import ContentAddress
import ImageIndex
import Linux
import TestSupport

/// Index files built byte by byte, right and wrong ones.
enum IndexFixtures {
    struct Parts {
        var header: [UInt64] = [48, 0x9682_4d9c_7b12_9ff9, 0x9000_0000_0000_0000, 512, 512, 512]
        var table: [UInt64] = [.max, 0xe75b_9e11_2f17_417d]
        var ends: [UInt64] = [512, 1024, 1100]
        /// Nil for the right one.
        var tail: [UInt64]?
    }

    static func bytes(_ parts: Parts) -> [UInt8] {
        var bytes: [UInt8] = []
        func append(_ words: [UInt64]) {
            for word in words { withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) } }
        }
        append(parts.header)
        append(parts.table)
        for (position, end) in parts.ends.enumerated() {
            append([end])
            id(position).withUnsafeBytes { bytes.append(contentsOf: $0) }
        }
        append(parts.tail ?? [0, 0, 48, UInt64(16 + 40 * (parts.ends.count + 1)), 0x4b4f_050e_5549_ecd1])
        return bytes
    }

    static func id(_ position: Int) -> BlockID {
        Array("block \(position)".utf8).withUnsafeBytes { DigestAlgorithm.sha256.blockID(of: $0) }
    }

    /// Opens the bytes as an index file.
    static func open(_ bytes: [UInt8], in folder: TemporaryDirectory) throws -> ImageIndex {
        try AtomicFile.write(bytes, to: folder.file("x.caibx"))
        return try ImageIndex(path: folder.file("x.caibx"))
    }

    /// Ends of blocks of random lengths.
    static func randomEnds(_ count: Int, _ lengths: ClosedRange<UInt64>, seed: UInt64) -> [UInt64] {
        var random = SeededRandom(seed: seed)
        var end: UInt64 = 0
        return (0..<count).map { _ in
            end += UInt64.random(in: lengths, using: &random)
            return end
        }
    }
}
