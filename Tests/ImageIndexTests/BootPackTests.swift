import ContentAddress
import Foundation
import ImageIndex
import TestSupport
import Testing

@Suite struct BootPackTests {
    private static let index = FileDigest.sha256(of: [1])
    private static let page = PageRun.pageSize

    private func run(_ start: Int, _ count: Int) -> PageRun { PageRun(start: start, count: count) }

    private func piece(_ number: UInt8, _ length: Int, stored: Int = 100) -> BootPack.Piece {
        BootPack.Piece(id: FileDigest.sha256(of: [number]).id, length: length, storedSize: stored)
    }

    /// Ten pages and a short eleventh of 1000 bytes; of these 8, 9, short 10, 2, 3, 0 in three pieces.
    private func example(basis: BootPack.Basis? = nil) throws -> BootPack {
        try BootPack(
            index: Self.index, imageSize: UInt64(10 * Self.page + 1000), basis: basis,
            runs: [run(8, 3), run(2, 2), run(0, 1)],
            pieces: [piece(1, Self.page), piece(2, 2 * Self.page + 1000), piece(3, 2 * Self.page)])
    }

    @Test func isReadAsItWasWritten() throws {
        let folder = try TemporaryDirectory()
        for basis in [nil, BootPack.Basis(version: "2026-11-09.2", index: FileDigest.sha256(of: [2]))] {
            let pack = try example(basis: basis)
            #expect(try BootPack(text: pack.text) == pack)
            try folder.write(Array(pack.text.utf8), to: "a.bootpack")
            #expect(try BootPack(path: folder.path("a.bootpack")) == pack)
            #expect((pack.pageCount, pack.size, pack.storedSize) == (6, 5 * Self.page + 1000, 300))
        }
        let lines = try example().text.split(separator: "\n")
        #expect(lines[0] == "oscircular-bootpack 1")
        #expect(lines[1] == "index \(Self.index.hex) 41960")
        #expect(lines[2] == "page-size 4096")
        #expect(lines[3] == "pages 8 3")
        #expect(lines[6] == "piece \(FileDigest.sha256(of: [1]).hex) 4096 100")
    }

    @Test func aPackOverItsBasisHasWhatBothImagesHave() throws {
        let difference = try BootPack(
            index: Self.index, imageSize: UInt64(10 * Self.page + 1000),
            basis: BootPack.Basis(version: "2026-11-09", index: FileDigest.sha256(of: [2])),
            runs: [run(9, 1), run(5, 1)],
            pieces: [piece(7, 2 * Self.page)])
        let both = try BootPack(difference, over: try example()) { $0 != 3 && $0 != 8 }
        func parts(_ range: Range<Int>) -> [BootPack.Part]? {
            both.parts(of: UInt64(range.lowerBound)..<UInt64(range.upperBound))
        }
        func part(_ piece: Int, _ range: Range<Int>) -> BootPack.Part { BootPack.Part(piece: piece, range: range) }
        // What is in both comes from the difference; the rest of the basis's pack follows.
        #expect(parts(9 * 4096..<10 * 4096) == [part(0, 0..<4096)])
        #expect(parts(5 * 4096..<6 * 4096) == [part(0, 4096..<8192)])
        #expect(parts(10 * 4096..<10 * 4096 + 1000) == [part(2, 4096..<5096)])
        #expect(parts(2 * 4096..<3 * 4096) == [part(2, 5096..<9192)])
        #expect(parts(0..<4096) == [part(3, 4096..<8192)])
        // What is another page now is nowhere.
        #expect(parts(3 * 4096..<4 * 4096) == nil && parts(8 * 4096..<9 * 4096) == nil)
        #expect(!both.hasPage(in: 3 * 4096..<5 * 4096))
        #expect(both.pieces.count == 4 && both.storedSize == 400)
        #expect(both.runs(ofPiece: 0) == [run(9, 1), run(5, 1)] && both.runs(ofPiece: 3) == [run(3, 1), run(0, 1)])
    }

    @Test func saysWhereBytesOfTheImageLie() throws {
        let pack = try example()
        func parts(_ range: Range<Int>) -> [BootPack.Part]? {
            pack.parts(of: UInt64(range.lowerBound)..<UInt64(range.upperBound))
        }
        func part(_ piece: Int, _ range: Range<Int>) -> BootPack.Part { BootPack.Part(piece: piece, range: range) }
        // Within a page, over pieces, to the image's end, over two runs that the pack has in another order.
        #expect(parts(8 * 4096 + 10..<8 * 4096 + 20) == [part(0, 10..<20)])
        #expect(parts(8 * 4096..<10 * 4096 + 1000) == [part(0, 0..<4096), part(1, 0..<5096)])
        #expect(parts(2 * 4096 + 5..<4 * 4096) == [part(1, 5101..<9192), part(2, 0..<4096)])
        #expect(parts(0..<4096) == [part(2, 4096..<8192)])
        #expect(parts(0..<0) == [])
        // A page is not there; it ends past the image.
        #expect(parts(0..<4097) == nil)
        #expect(parts(7 * 4096..<9 * 4096) == nil)
        #expect(parts(10 * 4096..<10 * 4096 + 1001) == nil)
        #expect(pack.hasPage(in: 4096..<8193) && !pack.hasPage(in: 4096..<8192) && !pack.hasPage(in: 9..<9))
        #expect(pack.hasPage(in: 7 * 4096..<11 * 4096) && !pack.hasPage(in: 4 * 4096..<8 * 4096))
    }

    @Test func saysWhichPagesAPieceHolds() throws {
        let pack = try example()
        #expect(pack.runs(ofPiece: 0) == [run(8, 1)])
        #expect(pack.runs(ofPiece: 1) == [run(9, 2), run(2, 1)])
        #expect(pack.runs(ofPiece: 2) == [run(3, 1), run(0, 1)])
        #expect(pack.range(ofPiece: 2) == (2 * 4096 + 4096 + 1000)..<(5 * 4096 + 1000))
    }

    @Test func everyByteOfRandomPacksIsFoundWhereItWasPut() throws {
        var random = SeededRandom(seed: 9)
        for _ in 0..<40 {
            let pages = Int.random(in: 1...60, using: &random)
            let size = UInt64(pages * Self.page - Int.random(in: 0..<Self.page, using: &random))
            let image = random.bytes(Int(size))
            var wanted = BootPages()
            for _ in 0..<Int.random(in: 1...20, using: &random) {
                let start = Int.random(in: 0..<pages, using: &random)
                wanted.add(run(start, Int.random(in: 1...(pages - start), using: &random)))
            }
            // As a publisher makes it: page by page, into pieces of some pages each.
            var (pieces, piece): ([[UInt8]], [UInt8]) = ([], [])
            for page in wanted.runs.flatMap({ $0.start..<$0.end }) {
                piece += image[(page * Self.page)..<min((page + 1) * Self.page, image.count)]
                if Int.random(in: 0..<4, using: &random) == 0 {
                    pieces.append(piece)
                    piece = []
                }
            }
            if !piece.isEmpty { pieces.append(piece) }
            let pack = try BootPack(
                index: Self.index, imageSize: size, runs: wanted.runs,
                pieces: pieces.map { self.piece(1, $0.count) })
            for page in 0..<pages {
                let bytes = (page * Self.page)..<min((page + 1) * Self.page, image.count)
                let parts = pack.parts(of: UInt64(bytes.lowerBound)..<UInt64(bytes.upperBound))
                #expect((parts != nil) == wanted.contains(page))
                if let parts { #expect(parts.flatMap { pieces[$0.piece][$0.range] } == Array(image[bytes])) }
            }
            for number in pieces.indices {
                let bytes = pack.runs(ofPiece: number).flatMap {
                    image[($0.start * Self.page)..<min($0.end * Self.page, image.count)]
                }
                #expect(bytes == pieces[number])
            }
        }
    }

    @Test func aPackOfAnotherVersionIsNotTaken() throws {
        let pack = try example()
        try pack.check(index: Self.index, imageSize: pack.imageSize)
        #expect(throws: ImageIndexError.self) {
            try pack.check(index: FileDigest.sha256(of: [7]), imageSize: pack.imageSize)
        }
        #expect(throws: ImageIndexError.self) { try pack.check(index: Self.index, imageSize: pack.imageSize + 1) }
    }

    @Test func aPageTwiceOneOutsideTheImageAndPiecesThatDoNotFitAreRefused() throws {
        func make(_ runs: [PageRun], _ lengths: [Int], size: Int = 10 * 4096, stored: Int = 100) throws {
            _ = try BootPack(
                index: Self.index, imageSize: UInt64(size), runs: runs,
                pieces: lengths.map { piece(1, $0, stored: stored) })
        }
        try make([run(0, 2)], [8192])
        // Twice the same, an overlap, past the image's end.
        #expect(throws: ImageIndexError.self) { try make([run(0, 1), run(0, 1)], [8192]) }
        #expect(throws: ImageIndexError.self) { try make([run(4, 3), run(2, 3)], [6 * 4096]) }
        #expect(throws: ImageIndexError.self) { try make([run(9, 2)], [8192]) }
        // Too short, too long, cut within a page, none, too large, impossibly stored.
        #expect(throws: ImageIndexError.self) { try make([run(0, 2)], [4096]) }
        #expect(throws: ImageIndexError.self) { try make([run(0, 2)], [8192, 4096]) }
        #expect(throws: ImageIndexError.self) { try make([run(0, 2)], [4000, 4192]) }
        #expect(throws: ImageIndexError.self) { try make([run(0, 2)], []) }
        #expect(throws: ImageIndexError.self) { try make([], [8192]) }
        #expect(throws: ImageIndexError.self) {
            try make([run(0, 1025)], [1025 * 4096], size: 2000 * 4096)
        }
        #expect(throws: ImageIndexError.self) { try make([run(0, 2)], [8192], stored: 0) }
        #expect(throws: ImageIndexError.self) { try make([run(0, 2)], [8192], stored: 20_000) }
        // The short last page is whole in one piece.
        try make([run(9, 1), run(0, 1)], [10, 4096], size: 9 * 4096 + 10)
        #expect(throws: ImageIndexError.self) { try make([run(9, 1), run(0, 1)], [4096, 10], size: 9 * 4096 + 10) }
        #expect(throws: ImageIndexError.self) { try make([run(0, 1)], [4096], size: 0) }
    }

    @Test(arguments: [
        ("oscircular-bootpack 1", "oscircular-bootpack 2"), ("index ", "indexes "), (" 41960", " 0"),
        (" 41960", " 041960"), (" 41960", " -1"), (" 41960", ""), ("page-size 4096", "page-size 8192"),
        ("page-size 4096\n", ""), ("pages 8 3", "pages 8 4"), ("pages 8 3", "pages 8 3 1"), ("pages 8 3", "pages 8"),
        ("pages 8 3", "pages 8 99999999999999999999"), ("pages 2 2", "pages 2 0"), ("pages 0 1", "pages 2 1"),
        ("pages 0 1", "future 0 1"), ("pages 0 1", ""), (" 4096 100", " 4096 1e2"), (" 4096 100", " 4096"),
        (" 4096 100", " 9999999999 100"), (" 4096 100", " 4096 9999999999"),
        ("pages 8 3", "basis 2026-11-09 12\npages 8 3"),
        ("page-size 4096", "page-size 4096\nbasis ../x \(FileDigest.sha256(of: [2]).hex)"),
    ])
    func whatIsNoPackIsRefused(part: String, other: String) throws {
        let text = try example().text
        #expect(text.contains(part))
        let range = try #require(text.range(of: part))
        #expect(throws: ImageIndexError.self) { try BootPack(text: text.replacingCharacters(in: range, with: other)) }
    }

    @Test func oneThatWasCutOrFlippedNeverCrashesAndNeverReadsAsAnother() throws {
        let (bytes, runs) = (Array(try example().text.utf8), try example().runs)
        for length in 0..<(bytes.count - 1) {
            let cut = String(decoding: bytes[..<length], as: UTF8.self)
            // The end of the last line may go, digit by digit, without that what remains is malformed: the signature sees it.
            if let pack = try? BootPack(text: cut) { #expect(pack.runs == runs) }
        }
        var random = SeededRandom(seed: 4)
        for _ in 0..<3000 {
            var flipped = bytes
            flipped[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            // Only that nothing stops the program.
            _ = try? BootPack(text: String(decoding: flipped, as: UTF8.self))
        }
    }

    @Test func moreThanTheBoundsIsRefused() {
        let header = "oscircular-bootpack 1\nindex \(Self.index.hex) 99999999999999\npage-size 4096\n"
        let tail = "piece \(Self.index.hex) 4096 1\n"
        let runs = (0...BootPack.Bounds.runs).map { "pages \(2 * $0) 1\n" }.joined()
        let text = header + "pages 0 \(BootPack.Bounds.pages + 1)\n" + tail
        #expect(throws: ImageIndexError.self) { try BootPack(text: header + runs + tail) }
        #expect(throws: ImageIndexError.self) { try BootPack(text: text) }
        #expect(throws: ImageIndexError.self) {
            try BootPack(text: header + "pages 0 1\n" + String(repeating: tail, count: BootPack.Bounds.pieces + 1))
        }
        #expect(throws: ImageIndexError.self) {
            try BootPack(text: header + String(repeating: " ", count: BootPack.Bounds.file))
        }
    }
}
