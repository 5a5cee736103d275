import Boot
import Curses
import Formats
import GuestDomain
import Testing
import Zlib

@testable import BootMenu

/// Pictures of guests' screens: what terminals are sent for them.
@Suite struct PictureTests {
    /// A picture from letters: `r`, `g`, `b`, `w`, `.` for black.
    private func picture(_ rows: String...) throws -> ScreenPicture {
        let colors: [Character: [UInt8]] = [
            "r": [255, 0, 0], "g": [0, 255, 0], "b": [0, 0, 255], "w": [255, 255, 255], ".": [0, 0, 0],
        ]
        let pixels = rows.joined().flatMap { colors[$0] ?? [] }
        return try #require(ScreenPicture(width: rows[0].count, height: rows.count, pixels: pixels))
    }

    // MARK: Which form

    @Test(arguments: [
        (PictureSetting.auto, true, true, true, 256, "kitty"), (.auto, true, false, false, 0, "kitty"),
        (.auto, false, true, true, 256, "sixel"), (.auto, false, true, false, 256, "cells"),
        (.auto, false, false, true, 8, "cells"), (.cells, true, true, true, 256, "cells"),
        (.auto, false, false, true, 0, "off"), (.cells, true, true, true, 2, "off"),
        (.off, true, true, true, 256, "off"),
    ])
    func theBestThatTheTerminalCanAndTheUserWants(
        _ setting: PictureSetting, _ kitty: Bool, _ sixel: Bool, _ hasCell: Bool, _ colors: Int, _ form: String
    ) {
        let abilities = TerminalAbilities(kitty: kitty, sixel: sixel)
        let cell = hasCell ? CellSize(width: 9, height: 18) : nil
        let found = PictureForm(setting, abilities, cell: cell, colors: colors)
        #expect("\(found)".hasPrefix(form), "\(found)")
    }

    @Test(arguments: [
        ("xterm-256color", "", PictureSetting.auto), ("linux", "", .off), ("linux-16color", "", .off),
        ("xterm-256color", "1", .off), ("xterm-kitty", "", .auto),
    ])
    func aBareConsoleAndATerminalWithoutColourHaveNone(_ terminal: String, _ noColor: String, _ setting: PictureSetting)
    {
        let options = MenuOptions { ["TERM": terminal, "NO_COLOR": noColor][$0] }
        #expect(options.pictures == setting)
        // None that are not wanted are asked about.
        #expect(options.screen.asksForPictures == (setting == .auto))
        #expect(!MenuOptions(pictures: .cells) { ["TERM": terminal][$0] }.screen.asksForPictures)
        #expect(MenuOptions(ascii: true) { ["TERM": terminal][$0] }.pictures == .off)
    }

    // MARK: Colours

    @Test(
        arguments: [
            (.cube, [0, 0, 0], 16), (.cube, [255, 255, 255], 231), (.cube, [255, 0, 0], 196),
            (.cube, [170, 170, 170], 248),
            (.cube, [8, 8, 8], 232), (.cube, [96, 94, 97], 59), (.cube, [100, 150, 200], 68),
            (.eight, [170, 170, 170], 7),
            (.eight, [0, 0, 200], 4), (.eight, [20, 20, 20], 0), (.sixteen, [255, 255, 255], 15),
            (.sixteen, [120, 120, 130], 8), (.direct, [255, 0, 0], 0xFF0000), (.direct, [100, 150, 200], 0x5F87D7),
        ] as [(Palette, [UInt8], Int32)])
    func theNearestColourIsTaken(_ palette: Palette, _ color: [UInt8], _ number: Int32) {
        #expect(palette.nearest(.init(red: color[0], green: color[1], blue: color[2])) == number)
    }

    @Test func theNumberOfColoursSaysWhichThereAre() {
        let palettes = [0, 2, 7, 8, 16, 88, 256, 32_768, 1 << 24].map { Palette(colors: $0) }
        #expect(palettes == [nil, nil, nil, .eight, .sixteen, .sixteen, .cube, .direct, .direct])
    }

    // MARK: Cells

    @Test func twoPixelsAreOneCell() throws {
        let rows = CellPicture.rows(try picture("rrb.", "rbbr", "ww.."), .cube, .unicode)
        let (red, blue, black, white): (Int32, Int32, Int32, Int32) = (196, 21, 16, 231)
        #expect(
            rows == [
                [
                    ScreenRun(column: 0, text: "█", colors: ScreenColors(ink: red, ground: red)),
                    // Blue is the lower number: it is the ink, and below.
                    ScreenRun(column: 1, text: "▄", colors: ScreenColors(ink: blue, ground: red)),
                    ScreenRun(column: 2, text: "█", colors: ScreenColors(ink: blue, ground: blue)),
                    ScreenRun(column: 3, text: "▀", colors: ScreenColors(ink: black, ground: red)),
                ],
                [
                    ScreenRun(column: 0, text: "██", colors: ScreenColors(ink: white, ground: white)),
                    ScreenRun(column: 2, text: "██", colors: ScreenColors(ink: black, ground: black)),
                ],
            ])
    }

    @Test func eightColoursNeedNoMorePairsThanThereAre() throws {
        let shades: [UInt8] = [0, 128, 255]
        let colors = shades.flatMap { red in shades.flatMap { green in shades.map { [red, green, $0] } } }
        var pairs: Set<ScreenColors> = []
        for top in colors {
            for bottom in colors {
                let picture = try #require(ScreenPicture(width: 1, height: 2, pixels: top + bottom))
                for run in CellPicture.rows(picture, .eight, .unicode)[0] {
                    if let pair = run.colors { pairs.insert(pair) }
                }
            }
        }
        // xterm has 64, of which three are taken.
        #expect(pairs.count == 36)
    }

    // MARK: Kitty

    @Test func aPictureForKittyIsPackedAndScaledToItsCells() throws {
        let small = try picture("rg", "bw")
        let text = String(decoding: KittyPicture.drawing(small, columns: 30, rows: 9), as: UTF8.self)
        let head = "\u{1b}_Ga=T,f=24,o=z,s=2,v=2,c=30,r=9,i=5198659,p=1,q=2,C=1,m=0;"
        #expect(text.hasPrefix(head) && text.hasSuffix("\u{1b}\\"))
        #expect(try unpacked(String(text.dropFirst(head.count).dropLast(2)), 12) == small.pixels)
        #expect(String(decoding: KittyPicture.removal, as: UTF8.self) == "\u{1b}_Ga=d,d=I,i=5198659,q=2\u{1b}\\")
    }

    @Test func aLongOneComesInParts() throws {
        var random = SystemRandomNumberGenerator()
        let pixels = (0..<(100 * 80 * 3)).map { _ in UInt8.random(in: 0...255, using: &random) }
        let large = try #require(ScreenPicture(width: 100, height: 80, pixels: pixels))
        let text = String(decoding: KittyPicture.drawing(large, columns: 30, rows: 9), as: UTF8.self)
        let parts = text.split(separator: "\u{1b}_G").map { $0.split(separator: ";", maxSplits: 1) }
        #expect(parts.count > 5 && parts.allSatisfy { $0.count == 2 && $0[1].hasSuffix("\u{1b}\\") })
        let data = parts.map { $0[1].dropLast(2) }
        #expect(data.dropLast().allSatisfy { $0.utf8.count == 4096 } && data.last.map { $0.utf8.count <= 4096 } == true)
        #expect(parts.dropFirst().dropLast().allSatisfy { $0[0] == "m=1" } && parts.last?[0] == "m=0")
        #expect(try unpacked(data.joined(), pixels.count) == pixels)
    }

    private func unpacked(_ base64: String, _ count: Int) throws -> [UInt8] {
        let packed = try #require(Base64.bytes(base64))
        var pixels = [UInt8](repeating: 0, count: count)
        let used = try packed.withUnsafeBytes { input in
            try pixels.withUnsafeMutableBytes { try Zlib.decompress(input, into: $0) }
        }
        #expect(used == count)
        return pixels
    }

    // MARK: Sixel

    @Test func aPictureForSixelIsBandsOfSixRows() throws {
        let tall = try picture("rrrrr", "rrrrr", "b.b.b", "b.b.b", "b.b.b", "b.b.b", "ggggg")
        let text = String(decoding: SixelPicture.drawing(tall), as: UTF8.self)
        #expect(
            text == "\u{1b}P0;1q\"1;1;5;7"
                // Each colour is named before it is used: in hundredths.
                + "#0;2;100;0;0#1;2;0;0;100#2;2;0;0;0"
                // Rows 0 and 1 of five columns; then rows 2 to 5 of every other one, and of those between.
                + "#0!5B$#1{?{?{$#2?{?{-"
                + "#3;2;0;100;0#3!5@-\u{1b}\\")
    }

    @Test func aSixelPictureIsNoLargerThanItsCells() throws {
        let pixels = [UInt8](repeating: 7, count: 900 * 500 * 3)
        let large = try #require(ScreenPicture(width: 900, height: 500, pixels: pixels))
        let form = PictureForm.sixel(CellSize(width: 10, height: 20))
        let area = PictureArea(row: 3, column: 40, columns: 36, rows: 10)
        let placed = try #require(form.placed(large, in: area))
        #expect(String(decoding: placed.drawing, as: UTF8.self).contains("\"1;1;360;200"))
        #expect(placed.rows == 3..<13 && placed.columns == 40..<76 && placed.removal.isEmpty)
        #expect(PictureForm.cells(.cube).placed(large, in: area) == nil)
    }
}
