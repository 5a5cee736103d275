import ContentAddress
import ImageIndex

/// A boot pack of an image whose bytes are known, and its pieces for a store.
package struct TestPack: Sendable {
    package let pack: BootPack
    /// The pieces' bytes.
    package let pieces: [[UInt8]]

    /// - Parameters:
    ///   - bytes: of the image, or other ones that the pack is to have in their place.
    ///   - runs: the pages, in the pack's order.
    ///   - pages: of a piece.
    ///   - index: the SHA-256 of the image's index file.
    package init(
        _ bytes: [UInt8], runs: [PageRun], pages: Int = 4, index: FileDigest = FileDigest.sha256(of: []),
        basis: BootPack.Basis? = nil
    ) throws {
        var pieces: [[UInt8]] = []
        var (piece, count) = ([UInt8](), 0)
        for page in runs.flatMap({ $0.start..<$0.end }) {
            let start = page * PageRun.pageSize
            piece += bytes[start..<min(start + PageRun.pageSize, bytes.count)]
            count += 1
            if count.isMultiple(of: pages) {
                pieces.append(piece)
                piece = []
            }
        }
        if !piece.isEmpty { pieces.append(piece) }
        self.pieces = pieces
        pack = try BootPack(
            index: index, imageSize: UInt64(bytes.count), basis: basis, runs: runs,
            pieces: pieces.map { BootPack.Piece(id: TestPack.id(of: $0), length: $0.count, storedSize: $0.count) })
    }

    /// All pages of a range of an image, every third left out, in an order of their own.
    package static func scattered(_ range: Range<Int>, seed: UInt64) -> [PageRun] {
        var random = SeededRandom(seed: seed)
        return range.filter { !$0.isMultiple(of: 3) }.shuffled(using: &random).map { PageRun(start: $0, count: 1) }
    }

    package static func id(of bytes: [UInt8]) -> BlockID {
        bytes.withUnsafeBytes { DigestAlgorithm.sha256.blockID(of: $0) }
    }

    package func put(into store: InMemoryBlockStore) {
        for piece in pieces { store.put(piece, as: TestPack.id(of: piece)) }
    }
}
