import GuestDomain
import Testing

/// A guest chooses its screen's size and pixels, and one that has broken QEMU every byte of a picture.
@Suite struct PixmapTests {
    private func pixmap(_ head: String, _ count: Int) -> [UInt8] {
        Array(head.utf8) + (0..<count).map { UInt8($0 % 256) }
    }

    @Test func readsWhatQEMUWrites() throws {
        let picture = try Pixmap.read(pixmap("P6\n3 2\n255\n", 18))
        #expect(picture == ScreenPicture(width: 3, height: 2, pixels: (0..<18).map { UInt8($0) }))
    }

    @Test(arguments: [
        "", "P", "P6", "P6\n", "P5\n3 2\n255\n", "P63 2\n255\n", "P6\n3 2\n254\n", "P6\n3 2\n65535\n", "P6\n3 2\n0\n",
        "P6\n-3 2\n255\n", "P6\n+3 2\n255\n", "P6\n3\n255\n", "P6\n3 2 255", "P6\n# QEMU\n3 2\n255\n",
        "P6\n 3 2\n255\n",
        "P6\n3  2\n255\n", "P6\n0x3 2\n255\n", "P6\n000003 2\n255\n", "P6\n99999999999999999999 2\n255\n",
        "P6\n3 2\n255x", "p6\n3 2\n255\n", "\u{FEFF}P6\n3 2\n255\n", "\u{89}PNG\r\n\u{1a}\n",
    ])
    func refusesAnyOtherBeginning(_ head: String) {
        #expect(throws: Pixmap.Fault.malformed) { try Pixmap.read(pixmap(head, 18)) }
        #expect(throws: Pixmap.Fault.malformed) { try Pixmap.read(Array(head.utf8)) }
    }

    @Test(arguments: [(0, 2), (3, 0), (0, 0), (16_385, 1), (1, 16_385), (99_999, 99_999)])
    func refusesSizesThatNoScreenHas(_ width: Int, _ height: Int) {
        #expect(throws: Pixmap.Fault.size(width: width, height: height)) {
            try Pixmap.read(pixmap("P6\n\(width) \(height)\n255\n", 18))
        }
    }

    @Test func refusesFewerAndMoreBytesThanItsSizeNeeds() {
        for count in [0, 17, 19, 36] {
            #expect(throws: Pixmap.Fault.length(count, expected: 18)) {
                try Pixmap.read(pixmap("P6\n3 2\n255\n", count))
            }
        }
        // The largest size costs nothing where its bytes are not there.
        #expect(throws: Pixmap.Fault.length(1, expected: 16_384 * 16_384 * 3)) {
            try Pixmap.read(pixmap("P6\n16384 16384\n255\n", 1))
        }
    }

    @Test func everyBeginningOfAPictureIsRefused() {
        let whole = pixmap("P6\n3 2\n255\n", 18)
        for count in 0..<whole.count { #expect(throws: Pixmap.Fault.self) { try Pixmap.read(Array(whole[..<count])) } }
    }
}

@Suite struct ScreenPictureTests {
    private func picture(_ width: Int, _ height: Int, _ pixel: (Int, Int) -> [UInt8]) throws -> ScreenPicture {
        var pixels: [UInt8] = []
        for row in 0..<height { for column in 0..<width { pixels += pixel(row, column) } }
        return try #require(ScreenPicture(width: width, height: height, pixels: pixels))
    }

    @Test func aSizeThatIsNotItsPixelsIsNone() {
        for (width, height) in [(2, 2), (0, 1), (-1, -1), (1, 0), (Int.max, 2), (Int.max / 2, 1)] {
            #expect(ScreenPicture(width: width, height: height, pixels: [1, 2, 3]) == nil)
        }
    }

    @Test func aPixelIsTheMeanOfThoseItStandsFor() throws {
        let large = try picture(4, 2) { row, column in [UInt8(column * 10), UInt8(row * 100), 7] }
        let small = large.scaled(within: 2, 2)
        #expect((small.width, small.height) == (2, 1))
        #expect(small.pixels == [5, 50, 7, 25, 50, 7])
    }

    @Test func nothingThinIsLost() throws {
        // One white line in 100 is there in grey.
        let large = try picture(100, 100) { row, _ in row == 50 ? [255, 255, 255] : [0, 0, 0] }
        let small = large.scaled(within: 10, 10)
        #expect(small.pixels.filter { $0 > 20 }.count == 30)
    }

    @Test(arguments: [
        (720, 400, 36, 22, 36, 20), (640, 480, 36, 22, 29, 22), (16_384, 1, 40, 40, 40, 1), (1, 16_384, 40, 40, 1, 40),
        (3, 2, 40, 40, 3, 2), (1280, 800, 1, 1, 1, 1), (7, 5, 7, 5, 7, 5), (7, 5, 0, -3, 1, 1),
    ])
    func proportionsStayAndNothingIsEnlarged(
        _ width: Int, _ height: Int, _ most: Int, _ mostRows: Int, _ across: Int, _ down: Int
    ) throws {
        let large = try picture(width, height) { _, _ in [9, 8, 7] }
        let small = large.scaled(within: most, mostRows)
        #expect((small.width, small.height) == (across, down))
        #expect(small.pixels == (0..<(across * down)).flatMap { _ in [9, 8, 7] as [UInt8] })
    }
}
