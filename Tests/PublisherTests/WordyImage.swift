import Linux
import TestSupport

/// Images whose blocks compress, and better at a higher level.
enum WordyImage {
    static let block = 262_144

    /// Writes an image of blocks that are told by their seeds: equal seeds are equal blocks.
    static func write(_ seeds: [UInt64], to path: String) throws {
        try AtomicFile.write(seeds.flatMap(bytes), to: path)
    }

    /// A block of words in a random order.
    private static func bytes(_ seed: UInt64) -> [UInt8] {
        var random = SeededRandom(seed: 1)
        let words = (0..<3000).map { _ in
            let length = Int.random(in: 3...9, using: &random)
            return random.bytes(length)
        }
        random = SeededRandom(seed: seed)
        var bytes: [UInt8] = []
        while bytes.count < block { bytes += words[Int.random(in: 0..<words.count, using: &random)] }
        return Array(bytes.prefix(block))
    }
}
