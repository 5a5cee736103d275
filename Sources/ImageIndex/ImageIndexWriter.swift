import ContentAddress
import Linux

/// Writes an index of fixed-size blocks that casync and desync read too.
package enum ImageIndexWriter {
    /// Bytes of the index of so many blocks.
    package static func length(blocks: Int) -> Int {
        BlobIndexFormat.headerSize + BlobIndexFormat.tableHeaderSize + (blocks + 1) * BlobIndexFormat.itemSize
    }

    /// Writes the index of an image; it appears by rename, whole or not at all.
    /// - Parameters:
    ///   - blocks: the id of every block, in order; every block has `blockSize` bytes but the last, which may have fewer.
    ///   - imageSize: bytes of the image, more than 0.
    /// - Precondition: `blocks.count` is `imageSize / blockSize`, rounded up.
    /// - Throws: ``ImageIndexError/file(_:)`` when it cannot be written, ``ImageIndexError/empty``.
    package static func write(
        blocks: [BlockID], blockSize: Int, imageSize: UInt64, algorithm: DigestAlgorithm, to path: String
    ) throws(ImageIndexError) {
        guard imageSize > 0 else { throw .empty }
        precondition(algorithm != .sha1, "casync has no SHA-1")
        precondition(UInt64(blocks.count) == (imageSize + UInt64(blockSize) - 1) / UInt64(blockSize))
        var bytes: [UInt8] = []
        let length = length(blocks: blocks.count)
        let tableSize = length - BlobIndexFormat.headerSize
        bytes.reserveCapacity(length)
        func append(_ words: UInt64...) {
            for word in words { withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) } }
        }
        let size = UInt64(blockSize)
        let flags = BlobIndexFormat.writtenFlags | (algorithm == .sha512_256 ? BlobIndexFormat.sha512_256Flag : 0)
        append(UInt64(BlobIndexFormat.headerSize), BlobIndexFormat.headerType, flags, size, size, size)
        append(.max, BlobIndexFormat.tableType)
        for (position, id) in blocks.enumerated() {
            append(min(UInt64(position + 1) * size, imageSize))
            id.withUnsafeBytes { bytes.append(contentsOf: $0) }
        }
        append(0, 0, UInt64(BlobIndexFormat.headerSize), UInt64(tableSize), BlobIndexFormat.tailMarker)
        do {
            try AtomicFile.write(bytes, to: path)
        } catch {
            throw .file(error)
        }
    }

    /// Writes the index of a file whose pieces nobody has named: with made-up ids, which say where a piece belongs and nothing of its
    /// bytes. Whoever reads the pieces needs a ledger.
    /// - Parameters:
    ///   - fileSize: bytes, more than 0.
    ///   - pieceLength: bytes of every piece but the last.
    /// - Throws: as ``write(blocks:blockSize:imageSize:algorithm:to:)``.
    package static func write(
        pieces key: PieceKey, fileSize: UInt64, pieceLength: Int = BlockSize.standard, to path: String
    ) throws(ImageIndexError) {
        guard fileSize > 0 else { throw .empty }
        guard fileSize <= UInt64(pieceLength * mostPieces) else {
            throw .malformed(reason: "a file of \(fileSize) bytes has too many pieces")
        }
        let count = Int((fileSize - 1) / UInt64(pieceLength)) + 1
        try write(
            blocks: (0..<count).map(key.id), blockSize: pieceLength, imageSize: fileSize, algorithm: .sha256, to: path)
    }

    /// 1 TiB of standard pieces.
    fileprivate static let mostPieces = 4_194_304
}

/// Writes the index of an LBCAS store.
package enum LBCASIndexWriter {
    /// Writes the index of an image; it appears by rename, whole or not at all.
    /// - Parameter blocks: the SHA-1 of every block, in order.
    /// - Precondition: there are as many as the header says.
    /// - Throws: ``ImageIndexError/file(_:)``.
    package static func write(_ header: LBCASHeader, blocks: [BlockID], to path: String) throws(ImageIndexError) {
        precondition(blocks.count == header.count)
        var bytes = Array(header.text.utf8)
        bytes.reserveCapacity(bytes.count + blocks.count * LBCASHeader.rowSize)
        for id in blocks {
            bytes.append(contentsOf: id.sha1.utf8)
            bytes.append(UInt8(ascii: "\n"))
        }
        do { try AtomicFile.write(bytes, to: path) } catch { throw .file(error) }
    }

    /// Whether pieces of so many bytes can be read.
    package static func canWrite(pieceLength: Int) -> Bool {
        pieceLength >= 512 && pieceLength.isMultiple(of: 512) && pieceLength <= BlockSize.longestReadable
    }

    /// Writes the index of a file whose pieces somebody has signed by their SHA-1, as a torrent does. That form says zlib; what the
    /// pieces are stored as is their store's matter.
    /// - Parameters:
    ///   - sha1: twenty bytes for each piece, in order.
    ///   - pieceLength: bytes of every piece but the last: a multiple of 512, at most ``BlockSize/longestReadable``.
    /// - Throws: ``ImageIndexError/malformed(reason:)`` where these do not fit together, ``ImageIndexError/empty``,
    ///   ``ImageIndexError/file(_:)``.
    package static func write(
        sha1: [UInt8], pieceLength: Int, fileSize: UInt64, to path: String
    ) throws(ImageIndexError) {
        guard fileSize > 0 else { throw .empty }
        guard canWrite(pieceLength: pieceLength) else {
            throw .malformed(reason: "pieces of \(pieceLength) bytes")
        }
        guard fileSize <= UInt64(pieceLength * ImageIndexWriter.mostPieces) else { throw .malformed(reason: "the file has \(fileSize) bytes") }
        let header = LBCASHeader(blockSize: pieceLength, imageSize: fileSize)
        let (pieces, rest) = sha1.count.quotientAndRemainder(dividingBy: 20)
        guard rest == 0, pieces == header.count else {
            throw .malformed(
                reason: "\(sha1.count) bytes of digests do not name the \(header.count) pieces of the file")
        }
        let zeros = [UInt8](repeating: 0, count: BlockID.byteCount - 20)
        let blocks = (0..<pieces).map { piece in
            (sha1[(20 * piece)..<(20 * piece + 20)] + zeros).withUnsafeBytes { BlockID(bytes: $0) }
        }
        try write(header, blocks: blocks, to: path)
    }
}
