import BlockStore
import ContentAddress
import ImageIndex
import Linux

/// A vendor's file as the cache has it: whether all of it is here, whether it is what its vendor says, and away with it. All calls wait
/// for the disk.
package struct WholeFile: Sendable {
    private let index: ImageIndex
    private let cache: BlockCache
    private let ledger: PieceLedger?

    /// - Parameters:
    ///   - index: of the file's pieces.
    ///   - ledger: what they are compared with; nil where every id is a digest that somebody has signed.
    package init(index: ImageIndex, cache: BlockCache, ledger: PieceLedger?) {
        self.index = index
        self.cache = cache
        self.ledger = ledger
    }

    /// What is made of the whole file.
    package enum Verdict: Sendable, Equatable {
        /// It has all of these digests.
        case right
        /// It has another digest than this one.
        case wrong(expected: String, actual: String)
        /// So many of its pieces are not here, or were damaged.
        case incomplete(pieces: Int)
        /// All of it is here, and nobody says what it should be.
        case unknown
        /// The caller wanted no more of it.
        case cancelled
    }

    /// Whether it was whole once, and right.
    package var isFinished: Bool { ledger?.isFinished ?? false }

    /// Whether somebody has found it to be wrong since this session began with it.
    package var isWrong: Bool { ledger?.isWrong ?? false }

    /// Says that all of it is here and is what its vendor says, which is for whoever has compared all that the vendor says of it.
    /// - Returns: false when somebody has found it to be wrong.
    /// - Throws: ``SystemCallError``.
    package func finish() throws(SystemCallError) -> Bool { try ledger?.finish() ?? true }

    /// The pieces that are still to be fetched, by their names: their bytes are not looked at.
    /// - Throws: ``ImageIndexError``.
    package func missing() throws -> [IndexedBlock] {
        var missing: [IndexedBlock] = []
        let recorded = ledger?.recorded()
        var seen: Set<BlockID> = []
        try index.forEachBlock { block in
            guard !block.isHole, recorded?[block.position] == false || !cache.contains(block.id),
                seen.insert(block.id).inserted
            else { return }
            missing.append(block)
        }
        return missing
    }

    /// Reads all of it once, piece by piece, and compares it with what its vendor says.
    /// - Parameters:
    ///   - digests: `sha256:HEX` or `sha512:HEX`; others are passed over.
    ///   - progress: called after each piece with the bytes that have been read; false ends it.
    /// - Throws: ``ImageIndexError``, ``SystemCallError``.
    package func verdict(
        on digests: [String], progress: (_ bytes: UInt64) -> Bool = { _ in true }
    ) throws -> Verdict {
        var sums = digests.compactMap(Sum.init)
        var missing = 0
        for position in 0..<index.count {
            let block = try index.block(at: position)
            if block.isHole {
                let zeros = [UInt8](repeating: 0, count: block.length)
                zeros.withUnsafeBytes { zeros in for sum in sums.indices { sums[sum].update(zeros) } }
            } else if let bytes = cache.load(request(block)) {
                bytes.withUnsafeBytes { bytes in for sum in sums.indices { sums[sum].update(bytes) } }
            } else {
                missing += 1
            }
            if !progress(block.end) { return .cancelled }
        }
        if missing > 0 { return .incomplete(pieces: missing) }
        if sums.isEmpty { return .unknown }
        for sum in sums where sum.actual != sum.expected {
            return .wrong(expected: sum.expected, actual: sum.actual)
        }
        return .right
    }

    /// Bytes from an offset to their piece's end at most, compared with what the piece was when it first came. Waits for the disk.
    /// - Throws: ``ImageIndexError``, ``MissingPiece``.
    package func bytes(at offset: UInt64, most: Int) throws -> [UInt8] {
        let block = try index.block(containing: offset)
        let start = Int(offset - block.offset)
        let length = min(most, block.length - start)
        guard !block.isHole else { return [UInt8](repeating: 0, count: length) }
        guard let bytes = cache.load(request(block)) else { throw MissingPiece() }
        return bytes.withUnsafeBytes { Array($0[start..<start + length]) }
    }

    /// Removes the pieces that end within a part of the file, but for those of running sessions and of pins.
    /// - Throws: ``ImageIndexError``, ``SystemCallError``.
    func remove(within part: Range<UInt64>) throws {
        var ids: Set<BlockID> = []
        var offset = part.lowerBound
        while offset < part.upperBound {
            let block = try index.block(containing: offset)
            if !block.isHole && block.end <= part.upperBound { ids.insert(block.id) }
            offset = block.end
        }
        _ = try cache.remove(ids)
    }

    /// A piece that was there is there no more.
    package struct MissingPiece: Error {}

    /// Forgets a wrong file: says to all who read it that it is, then what its pieces were, and the pieces themselves but for those of
    /// running sessions, which nobody takes for good any more.
    /// - Returns: bytes freed.
    /// - Throws: ``ImageIndexError``, ``SystemCallError``.
    @discardableResult
    package func throwAway() throws -> Int {
        // First: without it no piece is handed out again.
        try ledger?.condemn()
        var ids: Set<BlockID> = []
        try index.forEachBlock { if !$0.isHole { ids.insert($0.id) } }
        return try cache.remove(ids)
    }

    private func request(_ block: IndexedBlock) -> BlockRequest {
        BlockRequest(id: block.id, length: block.length, algorithm: index.algorithm, ledger: ledger)
    }

    /// One digest of the whole file, while it is computed.
    private struct Sum {
        let expected: String
        private let name: String
        private var checksum: FileChecksum

        init?(_ digest: String) {
            let parts = digest.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, let checksum = FileChecksum(digits: parts[1].utf8.count),
                String(parts[0]) == (parts[1].utf8.count == 64 ? "sha256" : "sha512")
            else { return nil }
            (name, expected, self.checksum) = (String(parts[0]), digest.lowercased(), checksum)
        }

        var actual: String { "\(name):\(checksum.hex)" }

        mutating func update(_ bytes: UnsafeRawBufferPointer) { checksum.update(bytes) }
    }
}
