import Testing
import Zlib

@testable import GuestDomain

/// A guest chooses its screen's size and pixels, and one that has broken QEMU every byte of a picture.
@Suite struct PNGPictureTests {
    private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    private func four(_ number: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) } }

    /// - Parameter length: what it says, if that is not so.
    private func part(_ kind: String, _ bytes: [UInt8], length: Int? = nil) -> [UInt8] {
        four(length ?? bytes.count) + Array(kind.utf8) + bytes + [0, 0, 0, 0]
    }

    private func head(_ width: Int, _ height: Int, _ rest: [UInt8] = [8, 2, 0, 0, 0]) -> [UInt8] {
        part("IHDR", four(width) + four(height) + rest)
    }

    private func packed(_ bytes: [UInt8]) throws -> [UInt8] {
        var output = [UInt8](repeating: 0, count: Zlib.bound(bytes.count))
        let count = try bytes.withUnsafeBytes { input in
            try output.withUnsafeMutableBytes { try Zlib.compress(input, into: $0) }
        }
        return Array(output.prefix(count))
    }

    /// - Parameter rows: each with its filter before it.
    private func png(_ width: Int, _ height: Int, _ rows: [[UInt8]]) throws -> [UInt8] {
        Self.signature + head(width, height) + part("IDAT", try packed(rows.flatMap(\.self))) + part("IEND", [])
    }

    @Test func everyFilterIsUndone() throws {
        // Two pixels in each of five rows. The values are those of the specification's formulas, reckoned by hand.
        let picture = try PNGPicture.read(
            try png(
                2, 5,
                [
                    [0, 10, 20, 30, 40, 50, 60], [1, 1, 2, 3, 250, 4, 5], [2, 9, 8, 7, 5, 250, 0],
                    [3, 5, 5, 5, 1, 1, 1], [4, 1, 2, 3, 4, 5, 6],
                ]))
        #expect(
            picture.pixels == [
                10, 20, 30, 40, 50, 60,
                1, 2, 3, 251, 6, 8,
                10, 10, 10, 0, 0, 8,
                10, 10, 10, 6, 6, 10,
                11, 12, 13, 10, 11, 19,
            ])
        #expect((picture.width, picture.height) == (2, 5))
    }

    @Test func partsThatItNeedNotKnowAndDataInPiecesAreRead() throws {
        let data = try packed([0, 1, 2, 3])
        let bytes =
            Self.signature + head(1, 1) + part("tEXt", Array("IEND".utf8)) + part("IDAT", Array(data.prefix(3)))
            + part("IDAT", []) + part("IDAT", Array(data.dropFirst(3))) + part("IEND", [])
        #expect(try PNGPicture.read(bytes) == ScreenPicture(width: 1, height: 1, pixels: [1, 2, 3]))
    }

    @Test func everyBeginningOfAPictureIsRefused() throws {
        let whole = try png(2, 2, [[0, 1, 2, 3, 4, 5, 6], [2, 1, 1, 1, 1, 1, 1]])
        #expect(throws: Never.self) { try PNGPicture.read(whole) }
        for count in 0..<whole.count {
            #expect(throws: Pixmap.Fault.self) { try PNGPicture.read(Array(whole[..<count])) }
        }
    }

    @Test func partsInAnotherOrderOrOfAnotherKindAreRefused() throws {
        let data = part("IDAT", try packed([0, 1, 2, 3]))
        let (end, start) = (part("IEND", []), head(1, 1))
        let others: [[UInt8]] = [
            end, data + end, data + start + end, part("tEXt", []) + start + data + end, start + start + data + end,
            start + data, part("IHDR", four(1) + four(1)) + data + end,
            part("IHDR", four(1) + four(1) + [8, 2, 0, 0, 0, 0]) + data + end,
        ]
        for other in others {
            #expect(throws: Pixmap.Fault.malformed) { try PNGPicture.read(Self.signature + other) }
        }
        // Other depths, colours, ways to pack, filters, and interlaced.
        let heads: [[UInt8]] = [
            [16, 2, 0, 0, 0], [8, 6, 0, 0, 0], [8, 2, 1, 0, 0], [8, 2, 0, 1, 0], [8, 2, 0, 0, 1],
        ]
        for rest in heads {
            #expect(throws: Pixmap.Fault.malformed) {
                try PNGPicture.read(Self.signature + head(1, 1, rest) + data + end)
            }
        }
    }

    @Test(arguments: [5, 13, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF])
    func aPartThatIsLongerThanWhatIsThereIsRefused(_ length: Int) {
        #expect(throws: Pixmap.Fault.malformed) {
            try PNGPicture.read(Self.signature + head(1, 1) + part("IDAT", [1, 2, 3, 4], length: length))
        }
    }

    @Test(arguments: [(0, 2), (3, 0), (16_385, 1), (1, 16_385), (16_384, 16_384), (0xFFFF_FFFF, 0xFFFF_FFFF)])
    func refusesSizesThatNoScreenHas(_ width: Int, _ height: Int) {
        #expect(throws: Pixmap.Fault.size(width: width, height: height)) {
            try PNGPicture.read(Self.signature + head(width, height) + part("IEND", []))
        }
    }

    @Test(arguments: [5, 6, 255] as [UInt8])
    func aFilterThatThereIsNotIsRefused(_ filter: UInt8) throws {
        let bytes = try png(1, 2, [[0, 1, 2, 3], [filter, 1, 2, 3]])
        #expect(throws: Pixmap.Fault.malformed) { try PNGPicture.read(bytes) }
    }

    @Test func dataOfAnotherLengthOrOfNoneIsRefused() throws {
        for count in [0, 3, 5] {
            let bytes = try png(1, 1, [[UInt8](repeating: 0, count: count)])
            #expect(throws: Pixmap.Fault.self) { try PNGPicture.read(bytes) }
        }
        for data: [UInt8] in [[], [1, 2, 3, 4], [UInt8](repeating: 0x78, count: 100)] {
            #expect(throws: Pixmap.Fault.length(0, expected: 4)) {
                try PNGPicture.read(Self.signature + head(1, 1) + part("IDAT", data) + part("IEND", []))
            }
        }
    }

    @Test func whatUnpacksToMoreThanThePictureCostsNoMoreThanThat() throws {
        // 32 MiB of nothing in a few kilobytes.
        let bomb = try png(1, 1, [[UInt8](repeating: 0, count: 32 << 20)])
        #expect(bomb.count < 64 << 10)
        #expect(throws: Pixmap.Fault.length(0, expected: 4)) { try PNGPicture.read(bomb) }
    }
}
