import ContentAddress
import Testing

@testable import Upstream

/// Torrents of one file, and what binds them to a vendor's signed sums.
@Suite struct TorrentTests {
    private static let file = (0..<1000).map { UInt8(truncatingIfNeeded: $0 / 4) }
    private static let pieceLength = 256

    private static func text(_ bytes: [UInt8]) -> [UInt8] { Array("\(bytes.count):".utf8) + bytes }

    private static func sha1(_ bytes: ArraySlice<UInt8>) -> BlockID {
        Array(bytes).withUnsafeBytes { DigestAlgorithm.sha1.blockID(of: $0) }
    }

    /// What mktorrent writes.
    private static func torrent(
        name: String = "x.iso", pieceLength: Int = pieceLength, length: Int = file.count, more: String = ""
    ) -> [UInt8] {
        var pieces: [UInt8] = []
        for start in stride(from: 0, to: file.count, by: pieceLength) {
            sha1(file[start..<min(start + pieceLength, file.count)]).withUnsafeBytes { pieces += $0.prefix(20) }
        }
        var bytes = Array("d8:announce16:http://t.example13:creation datei1700000000e4:infod".utf8)
        bytes += Array("\(more)6:lengthi\(length)e4:name".utf8) + text(Array(name.utf8))
        bytes += Array("12:piece lengthi\(pieceLength)e6:pieces".utf8) + text(pieces)
        return bytes + Array("ee".utf8)
    }

    private static func sums(_ torrent: [UInt8], name: String = "x.iso") -> DigestList {
        let digest = FileDigest.sha256(of: torrent).hex
        return DigestList("\(FileDigest.sha256(of: file).hex)  \(name)\n\(digest)  x.iso.torrent\n")
    }

    private static func verified(
        _ torrent: [UInt8], by sums: DigestList, readable: Int = 1 << 26
    ) throws -> (torrent: Torrent, digest: String) {
        try Torrent.verified(
            torrent, by: sums, torrentPath: "https://h/bt/x.iso.torrent", fileName: "x.iso", readable: readable)
    }

    @Test func aTorrentSaysEachPiecesDigest() throws {
        let torrent = try Torrent(Self.torrent())
        #expect(torrent.name == "x.iso" && torrent.length == 1000 && torrent.pieceLength == 256)
        #expect(torrent.pieces == [0, 256, 512, 768].map { Self.sha1(Self.file[$0..<min($0 + 256, 1000)]) })
    }

    @Test func itCountsWhereTheSignedSumsNameItAndItsFile() throws {
        let bytes = Self.torrent()
        let found = try Self.verified(bytes, by: Self.sums(bytes))
        #expect(found.torrent.pieces.count == 4 && found.digest == FileDigest.sha256(of: Self.file).hex)
    }

    @Test func aTamperedOneIsRefused() throws {
        let bytes = Self.torrent()
        for position in bytes.indices {
            var changed = bytes
            changed[position] ^= 1
            #expect(throws: TorrentError(reason: "it is not the one that the vendor signed")) {
                _ = try Self.verified(changed, by: Self.sums(bytes))
            }
        }
    }

    @Test func whatTheSumsDoNotSayDoesNotCount() throws {
        let bytes = Self.torrent()
        let digest = FileDigest.sha256(of: bytes).hex
        #expect(throws: TorrentError(reason: "the signed list of digests does not have it")) {
            _ = try Self.verified(bytes, by: DigestList("\(digest)  x.iso\n"))
        }
        #expect(throws: TorrentError(reason: "the signed list of digests does not have the file itself")) {
            _ = try Self.verified(bytes, by: DigestList("\(digest)  x.iso.torrent\n"))
        }
        let other = Self.torrent(name: "y.iso")
        #expect(throws: TorrentError(reason: "it is of another file, y.iso")) {
            _ = try Self.verified(other, by: Self.sums(other))
        }
        #expect(throws: TorrentError(reason: "its pieces have 256 bytes, more than can be read at once")) {
            _ = try Self.verified(bytes, by: Self.sums(bytes), readable: 255)
        }
    }

    @Test func whatIsNoTorrentOfOneFileIsRefused() {
        for bytes in [
            Self.torrent(name: "../x"), Self.torrent(name: ""), Self.torrent(name: "a\nb"), Self.torrent(name: ".."),
            Self.torrent(length: 0), Self.torrent(length: -1), Self.torrent(length: 1025), Self.torrent(length: 768),
            Self.torrent(more: "5:filesle"), Self.torrent() + [0x65], Array(Self.torrent().dropLast()),
            Array("d4:infod6:lengthi1e4:name1:x12:piece lengthi0e6:pieces0:ee".utf8),
            Array("d4:infod6:lengthi9223372036854775807e4:name1:x12:piece lengthi1e6:pieces0:ee".utf8), [],
        ] {
            #expect(throws: TorrentError.self) { try Torrent(bytes) }
        }
    }

    @Test(arguments: [
        "i01e", "i-0e", "i+1e", "ie", "i1", "i99999999999999999999e", "01:a", "2:a", "-1:a", "d1:bi1e1:ai1ee",
        "d1:ai1e1:ai2ee", "di1ei1ee", "l", "x", "i1ei1e", "99999999999999999999999:", "9223372036854775807:a",
    ])
    func bencodeIsReadStrictly(text: String) {
        #expect(throws: TorrentError.self) { try Bencode(Array(text.utf8)) }
    }

    @Test func depthAndLengthHaveBounds() {
        let deep =
            [UInt8](repeating: UInt8(ascii: "l"), count: 1_000_000)
            + [UInt8](repeating: UInt8(ascii: "e"), count: 1_000_000)
        #expect(throws: TorrentError(reason: "it is too deep or too long")) { try Bencode(deep) }
        let long = Array("l".utf8) + Array(repeating: Array("le".utf8), count: 200_000).flatMap { $0 } + Array("e".utf8)
        #expect(throws: TorrentError(reason: "it is too deep or too long")) { try Bencode(long) }
        #expect(throws: TorrentError(reason: "it is too long")) {
            try Torrent([UInt8](repeating: 0x64, count: 8_388_609))
        }
    }
}
