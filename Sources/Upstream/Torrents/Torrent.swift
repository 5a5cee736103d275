import ContentAddress

/// What a torrent of one file says of it: the digest of each of its pieces.
package struct Torrent: Sendable, Equatable {
    /// Bytes of the longest torrent that is read: pieces of 256 KiB for 100 GB.
    package static let longest = 8_388_608

    /// The file's name, without folders.
    package let name: String
    /// Bytes of the file.
    package let length: UInt64
    /// Bytes of each piece but the last.
    package let pieceLength: Int
    /// SHA-1 of each piece in order, as block ids (``DigestAlgorithm/sha1``).
    package let pieces: [BlockID]

    /// Reads a torrent of exactly one file.
    /// - Throws: ``TorrentError``.
    package init(_ bytes: [UInt8]) throws(TorrentError) {
        throw TorrentError(reason: "not built yet")
    }
}

/// Why a torrent cannot be used. The reason is a phrase for people.
package struct TorrentError: Error, Sendable, Equatable {
    package let reason: String
}

extension TorrentError: CustomStringConvertible {
    package var description: String { "the torrent cannot be used: \(reason)" }
}
