import ContentAddress

/// What a torrent of one file says of it: the digest of each of its pieces.
///
/// It says nothing of who made it: its own bytes must be those that a signed list of digests names.
package struct Torrent: Sendable, Equatable {
    /// Bytes of the longest torrent that is read: pieces of 256 KiB for 100 GB.
    package static let longest = 8_388_608
    private static let longestPiece: Int64 = 67_108_864

    /// The file's name, without folders.
    package let name: String
    /// Bytes of the file.
    package let length: UInt64
    /// Bytes of each piece but the last.
    package let pieceLength: Int
    /// SHA-1 of each piece in order, as block ids (``DigestAlgorithm/sha1``).
    package let pieces: [BlockID]

    /// Reads a torrent of exactly one file (BEP 3; what only BEP 52 has is passed over).
    /// - Throws: ``TorrentError``.
    package init(_ bytes: [UInt8]) throws(TorrentError) {
        guard bytes.count <= Torrent.longest else { throw TorrentError(reason: "it is too long") }
        guard let info = try Bencode(bytes)["info"] else { throw TorrentError(reason: "it has no pieces") }
        guard info["files"] == nil, let length = info["length"]?.integer, length > 0 else {
            throw TorrentError(reason: "it is not of one file")
        }
        guard let pieceLength = info["piece length"]?.integer, (1...Torrent.longestPiece).contains(pieceLength),
            let digests = info["pieces"]?.text, digests.count % 20 == 0
        else { throw TorrentError(reason: "it has no pieces") }
        let count = (length - 1) / pieceLength + 1
        guard Int64(digests.count / 20) == count else {
            throw TorrentError(reason: "it has \(digests.count / 20) pieces instead of \(count)")
        }
        guard let name = info["name"]?.text, let name = String(validating: name, as: UTF8.self), !name.isEmpty,
            name != ".", name != "..", !name.utf8.contains(where: { $0 == 0x2F || $0 < 0x20 || $0 == 0x7F })
        else { throw TorrentError(reason: "the name of its file is none") }
        self.name = name
        self.length = UInt64(length)
        self.pieceLength = Int(pieceLength)
        let padding = [UInt8](repeating: 0, count: BlockID.byteCount - 20)
        pieces = stride(from: digests.startIndex, to: digests.endIndex, by: 20).map { start in
            (digests[start..<start + 20] + padding).withUnsafeBytes { BlockID(bytes: $0) }
        }
    }

    /// The torrent that a verified list of digests names, of the file that the same list names.
    ///
    /// - Parameters:
    ///   - sums: of what its vendor signed, and nothing else.
    ///   - torrentPath: the torrent's path as in ``DigestList/finding(for:isOwn:)``; its end must be in the list.
    ///   - fileName: the image's name: the torrent must be of it, and the list must have it.
    ///   - readable: the longest piece that can be read, in bytes.
    /// - Returns: the torrent, and the digest of the whole file, lower-case hexadecimal.
    /// - Throws: ``TorrentError``.
    package static func verified(
        _ bytes: [UInt8], by sums: DigestList, torrentPath: String, fileName: String, readable: Int
    ) throws(TorrentError) -> (torrent: Torrent, digest: String) {
        guard case .digest(let expected) = sums.finding(for: [torrentPath], isOwn: false) else {
            throw TorrentError(reason: "the signed list of digests does not have it")
        }
        guard var checksum = FileChecksum(digits: expected.utf8.count) else {
            throw TorrentError(reason: "the signed list has a digest of an unknown kind")
        }
        bytes.withUnsafeBytes { checksum.update($0) }
        guard checksum.hex == expected else { throw TorrentError(reason: "it is not the one that the vendor signed") }
        let torrent = try Torrent(bytes)
        guard torrent.name == fileName else { throw TorrentError(reason: "it is of another file, \(torrent.name)") }
        guard torrent.pieceLength <= readable else {
            throw TorrentError(reason: "its pieces have \(torrent.pieceLength) bytes, more than can be read at once")
        }
        guard case .digest(let digest) = sums.finding(for: [fileName], isOwn: false) else {
            throw TorrentError(reason: "the signed list of digests does not have the file itself")
        }
        return (torrent, digest)
    }
}

/// Why a torrent cannot be used. The reason is a phrase for people.
package struct TorrentError: Error, Sendable, Equatable {
    package let reason: String
}

extension TorrentError: CustomStringConvertible {
    package var description: String { "the torrent cannot be used: \(reason)" }
}
