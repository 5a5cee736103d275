import TestSupport
import Testing

@testable import GuestDomain

@Suite struct TerminalFilterTests {
    private static let escape = "\u{1b}"
    /// How the tables write ESC.
    private static let sign = "␛"

    private func passed(_ text: String, to target: TerminalFilter.Target = .terminal) -> String {
        String(decoding: passed(Array(text.utf8), to: target), as: UTF8.self)
    }

    private func passed(_ bytes: [UInt8], to target: TerminalFilter.Target = .terminal) -> [UInt8] {
        var filter = TerminalFilter(for: target)
        return filter.pass(bytes)
    }

    // MARK: What passes

    @Test(arguments: [
        "plain text\r\n", "tab\tand\u{8}back", "bell\u{7}", "\u{b}\u{c}", "Größe, 漢字, 🐧, e\u{301}", "─│┌┐└┘├┤",
        // Colours, as numbers, as lists and in 24 bits.
        "␛[m", "␛[0;1;31m", "␛[38;5;208m", "␛[38;2;1;2;3;48;2;4;5;6;1;4;7m", "␛[4:3m", "␛[38:2::1:2:3m",
        // Movements and erasing, as terminfo's vt100, vt220, linux, xterm and screen have them.
        "␛[H", "␛[5;10H", "␛[A␛[2B␛[3C␛[4D", "␛[5G", "␛[5d", "␛[5`", "␛[1;1f", "␛[999;999H", "␛[32766;32766H", "␛[I␛[Z",
        "␛[J", "␛[1J", "␛[2J", "␛[K", "␛[1K", "␛[?1K", "␛[5L␛[5M", "␛[3@␛[3P␛[3X", "␛[S␛[3T", "␛[7b",
        "␛[3;20r", "␛[r", "␛7␛8", "␛[s␛[u", "␛D␛E␛M", "␛[!p",
        // Modes that `reset` takes back.
        "␛[?1h␛=", "␛[?1l␛>", "␛[?5h␛[?5l", "␛[?7l", "␛[?25l", "␛[?25h", "␛[4h", "␛[?1049h", "␛[?47h", "␛[?1047;1048h",
        "␛[?1000h␛[?1002h␛[?1003h␛[?1006h␛[?1015h␛[?1005h␛[?9h", "␛[?1006;1000h", "␛[?1004h", "␛[?2004h", "␛[2 q",
        // Line drawing, double height, the alignment pattern.
        "␛(0lqqk␛(B", "␛)0\u{e}q\u{f}", "␛(A", "␛#3␛#4␛#6␛#8",
    ])
    func whatOnlyDrawsPassesUnchanged(_ pattern: String) {
        let text = pattern.replacing(Self.sign, with: Self.escape)
        #expect(passed(text) == text)
    }

    @Test(arguments: [
        // Questions, which the terminal would answer as if the user had typed: cursor, status, kind, settings, size, title.
        ("a␛[6nb", "ab"), ("a␛[5nb", "ab"), ("a␛[?6nb", "ab"), ("a␛[cb", "ab"), ("a␛[0cb", "ab"), ("a␛[>cb", "ab"),
        ("a␛[=cb", "ab"), ("a␛Zb", "ab"), ("a\u{5}b", "ab"), ("a␛[xb", "ab"), ("a␛[?25$pb", "ab"), ("a␛[>qb", "ab"),
        ("a␛[?ub", "ab"), ("a␛[?4mb", "ab"), ("a␛[18tb", "ab"), ("a␛[21tb", "ab"), ("a␛[1;1;1;1;1;1*yb", "ab"),
        ("a␛P$qm␛\\b", "ab"), ("a␛P+q544e␛\\b", "ab"),
        // The window: title, size, place; the printer.
        ("a␛]0;title\u{7}b", "ab"), ("a␛]2;title␛\\b", "ab"), ("a␛ktitle␛\\b", "ab"), ("a␛[8;50;100tb", "ab"),
        ("a␛[?3hb", "ab"), ("a␛[?40hb", "ab"), ("a␛[5ib", "ab"), ("a␛[4ib", "ab"), ("a␛[3Jb", "ab"),
        // Clipboard, links, notifications, working folder, files, colours and their questions.
        ("a␛]52;c;cm0gLXJmIH4K\u{7}b", "ab"), ("a␛]52;c;?␛\\b", "ab"),
        ("a␛]8;;http://h/\u{7}link␛]8;;\u{7}b", "alinkb"),
        ("a␛]9;text\u{7}b", "ab"), ("a␛]777;notify;t;b\u{7}c", "ac"),
        ("a␛]7;file:///x\u{7}b", "ab"),
        ("a␛]1337;File=inline=1:AAAA\u{7}b", "ab"), ("a␛]4;1;?\u{7}b", "ab"), ("a␛]11;?␛\\b", "ab"),
        ("a␛]50;?\u{7}b", "ab"), ("a␛]104\u{7}b", "ab"), ("a␛]Rb", "ab"), ("a␛]P1ff0000b", "ab"),
        ("a␛]P1ffxyz\u{7}b", "ab"),
        ("a␛_Gf=24,a=T;AAAA␛\\b", "ab"), ("a␛Pq#0;2;0;0;0~~@@␛\\b", "ab"), ("a␛P1;1|17/72␛\\b", "ab"),
        ("a␛^x␛\\b", "ab"),
        ("a␛Xx␛\\b", "ab"), ("a␛Ptmux;␛␛]52;c;AAAA\u{7}␛\\b", "ab"),
        // Beginnings of file transfers.
        ("**\u{18}B00000000000000\r", "**B00000000000000\r"), ("a\u{11}\u{13}\u{14}\u{10}\u{1a}\u{0}\u{7f}b", "ab"),
        // The keyboard, margins, tab stops, character sets and levels of the terminal.
        ("a␛[2hb", "ab"), ("a␛[12hb", "ab"), ("a␛[?69h␛[2;9sb", "ab"), ("a␛Hb", "ab"), ("a␛[3gb", "ab"),
        ("a␛[?5Wb", "ab"),
        ("a␛%@b", "ab"), ("a␛ Gb", "ab"), ("a␛(%5b", "ab"), ("a␛[61\"pb", "ab"), ("a␛[>4;2mb", "ab"), ("a␛[>1ub", "ab"),
        ("a␛[=1;1ub", "ab"), ("a␛nb", "ab"), ("a␛[1;2;3;4;5Tb", "ab"), ("a␛[?1001hb", "ab"), ("a␛[?12hb", "ab"),
        // Of several modes those that are known pass.
        ("␛[?3;7;12;25l", "␛[?7;25l"), ("␛[4;20h", "␛[4h"),
        // Nonsense, and numbers that no screen has.
        ("a␛[99999Cb", "ab"), ("a␛[1<2mb", "ab"), ("a␛[ 1mb", "ab"), ("a␛[1$ mb", "ab"), ("a␛[1:2Hb", "ab"),
        ("a␛[1;2;3Hb", "ab"), ("a␛[99999999999999999999mb", "ab"), ("a␛yb", "ab"),
    ])
    func whatDoesMoreIsLeftOut(_ pattern: String, _ expected: String) {
        #expect(
            passed(pattern.replacing(Self.sign, with: Self.escape)) == expected.replacing(Self.sign, with: Self.escape))
    }

    @Test func stringsEndWhereTerminalsEndThemAndAtTheEndOfALine() {
        let escape = Self.escape
        for end in ["\u{7}", "\(escape)\\", "\u{18}", "\u{1a}", "\u{9c}"] {
            #expect(passed("a\(escape)]52;c;AAAA\(end)b") == "ab")
        }
        // Noise must not silence the console.
        #expect(passed("a\(escape)Pnoise\r\nlogin: ") == "a\nlogin: ")
        // Another sequence ends it, and counts.
        #expect(passed("\(escape)]0;x\(escape)[1my") == "\(escape)[1my")
        #expect(passed("\(escape)]0;x\(escape)[6ny") == "y")
    }

    @Test func controlCharactersAmidASequenceAreObeyedAndItGoesOn() {
        let escape = Self.escape
        #expect(passed("\(escape)[1\n;2Hx") == "\n\(escape)[1;2Hx")
        #expect(passed("\(escape)[6\rn") == "\r")
        #expect(passed("\(escape)[1\(escape)[2Hx") == "\(escape)[2Hx")
        #expect(passed("\(escape)[1\u{18}2Hx") == "2Hx")
        #expect(passed("\(escape)[1é2Hx") == "é2Hx")
    }

    @Test func aSequenceThatNeverEndsHoldsNoMemory() {
        var filter = TerminalFilter(for: .terminal)
        #expect(filter.pass(Array("\u{1b}[".utf8) + [UInt8](repeating: 0x31, count: 1 << 20)).isEmpty)
        #expect(filter.pass(Array("mtext".utf8)) == Array("text".utf8))
        #expect(filter.pass(Array("\u{1b}]52;c;".utf8) + [UInt8](repeating: 0x41, count: 1 << 20)).isEmpty)
        #expect(filter.pass(Array("\u{7}text".utf8)) == Array("text".utf8))
    }

    // MARK: Characters

    @Test func controlCharactersWithTheEighthBitAreWhatTheyAreShortFor() {
        let escape = Self.escape
        #expect(passed("a\u{9b}6nb\u{9b}1mc\u{9d}52;c;A\u{9c}d\u{90}q\u{9c}e") == "ab\(escape)[1mcde")
        #expect(passed("\u{84}\u{85}\u{8d}\u{88}\u{9a}") == "\(escape)D\(escape)E\(escape)M")
    }

    @Test func whatIsNotUTF8IsShownAsSuch() {
        // A byte alone, an overlong ESC and CSI, a surrogate, beyond Unicode, broken off by text and by a sequence.
        #expect(passed([0x9B, 0x36, 0x6E]) == Array("\u{fffd}6n".utf8))
        #expect(passed([0xC0, 0x9B, 0x36]) == Array("\u{fffd}\u{fffd}6".utf8))
        #expect(passed([0xE0, 0x80, 0x9B]) == Array("\u{fffd}\u{fffd}\u{fffd}".utf8))
        #expect(passed([0xED, 0xA0, 0x80]) == Array("\u{fffd}\u{fffd}\u{fffd}".utf8))
        #expect(passed([0xF4, 0x90, 0x80, 0x80]) == Array("\u{fffd}\u{fffd}\u{fffd}\u{fffd}".utf8))
        #expect(passed([0xE2, 0x94, 0x61]) == Array("\u{fffd}a".utf8))
        #expect(passed([0xE2, 0x94, 0x1B, 0x5B, 0x36, 0x6E]) == Array("\u{fffd}".utf8))
    }

    @Test func aTerminalOfBytesGetsNoControlCharactersOutOfLetters() {
        // Û in UTF-8 is 0xC3 0x9B, and 0x9B is such a terminal's CSI.
        #expect(passed([0xC3, 0x9B, 0x36, 0x6E, 0x61], to: .byteTerminal) == [0xC3, 0x61])
        #expect(passed([0x47, 0x72, 0xF6, 0xDF, 0x65], to: .byteTerminal) == [0x47, 0x72, 0xF6, 0xDF, 0x65])
        #expect(passed("\u{1b}[1mx", to: .byteTerminal) == "\u{1b}[1mx")
    }

    @Test func aFileGetsTextOnly() {
        #expect(
            passed(
                "\u{1b}[0;1;32m  OK  \u{1b}[0m Started\r\n\u{1b}[?1049h\u{1b}cx\u{7}\u{e}y\t\u{8}é\u{9b}1m", to: .text)
                == "  OK   Started\r\nxy\t\u{8}é")
    }

    // MARK: Pieces

    /// Harmless and harmful sequences, text, and bytes that are neither.
    private func mixture(_ random: inout SeededRandom) -> [UInt8] {
        let pieces = [
            "text ", "é", "漢", "🐧", "\r\n", "\u{1b}[1;31m", "\u{1b}[?1049h", "\u{1b}[?3;25l", "\u{1b}[6n", "\u{1b}c",
            "\u{1b}]52;c;AAAA\u{7}", "\u{1b}]0;t\u{1b}\\", "\u{1b}Pq~~\u{1b}\\", "\u{1b}]P1ff0000", "\u{9b}5n",
            "\u{9d}0;",
            "\u{1b}(0", "\u{1b}[2 q", "\u{1b}[3;4r", "\u{1b}", "\u{1b}[", "\u{1b}]", "\u{18}", "\u{5}", "\u{1b}[1;2",
        ]
        var bytes: [UInt8] = []
        for _ in 0..<40 {
            if Int.random(in: 0..<6, using: &random) == 0 {
                bytes += random.bytes(Int.random(in: 1...4, using: &random))
            } else {
                bytes += Array(pieces[Int.random(in: 0..<pieces.count, using: &random)].utf8)
            }
        }
        return bytes
    }

    @Test(arguments: TerminalFilter.Target.allCases)
    func howTheTextIsCutMakesNoDifference(_ target: TerminalFilter.Target) {
        var random = SeededRandom(seed: 18)
        for _ in 0..<200 {
            let bytes = mixture(&random)
            var whole = TerminalFilter(for: target)
            let expected = whole.pass(bytes)
            var cut = TerminalFilter(for: target)
            var found: [UInt8] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 1...7, using: &random))
                found += cut.pass(piece)
                rest = rest.dropFirst(piece.count)
            }
            #expect(found == expected, "\(bytes)")
            #expect(cut.reset == whole.reset)
        }
    }

    @Test(arguments: TerminalFilter.Target.allCases)
    func whatPassedPassesAgainUnchanged(_ target: TerminalFilter.Target) {
        var random = SeededRandom(seed: 52)
        for _ in 0..<200 {
            let once = passed(mixture(&random), to: target)
            #expect(passed(once, to: target) == once)
            if target == .text { #expect(!once.contains(0x1B)) }
        }
    }

    // MARK: Taking back

    @Test func theResetTakesBackEveryModeThatPasses() {
        for mode in 1...3000 {
            var filter = TerminalFilter(for: .terminal)
            guard !filter.pass(Array("\u{1b}[?\(mode)h".utf8)).isEmpty else { continue }
            let reset = String(decoding: filter.reset, as: UTF8.self)
            let expected =
                switch mode {
                // Saved, not set.
                case 1048: ""
                case 7, 25: "\u{1b}[?\(mode)h"
                case 47, 1047: "\u{1b}[?1049l"
                case 66: "\u{1b}>"
                default: "\u{1b}[?\(mode)l"
                }
            #expect(reset.contains(expected) || expected.isEmpty, "\(mode)")
        }
        for (said, expected) in [
            ("[1;7m", "[0;10m"), ("(0", "(B"), (")0\u{e}", ")B\u{f}"), ("[4h", "[4l"), ("=", ">"), ("[3;5r", "[r"),
            ("[?6h", "[?6l"), ("[?6h\u{1b}[r", "[?6l"), ("[4 q", "[0 q"),
        ] {
            var filter = TerminalFilter(for: .terminal)
            #expect(!filter.pass(Array("\u{1b}\(said)".utf8)).isEmpty)
            #expect(String(decoding: filter.reset, as: UTF8.self).contains("\u{1b}\(expected)"), "\(said)")
        }
    }

    @Test func theResetMovesTheCursorOnlyWhereTheGuestChangedTheScreen() {
        var filter = TerminalFilter(for: .terminal)
        _ = filter.pass(Array("login: \u{1b}[2;5r\u{1b}[r\u{1b}[?1049h\u{1b}[?1049l\u{1b}[0 q".utf8))
        let reset = String(decoding: filter.reset, as: UTF8.self)
        #expect(!["\u{1b}[r", "1049", "H", "q"].contains(where: reset.contains), "\(reset.debugDescription)")
        #expect(TerminalFilter(for: .text).reset.isEmpty)
    }

    @Test func aFullResetClearsTheScreenAndNothingOfTheUsers() {
        let found = passed("\u{1b}[?1049h\u{1b}cx")
        #expect(!found.contains("\u{1b}c"))
        #expect(found.hasSuffix("\u{1b}[H\u{1b}[2Jx") && found.contains("\u{1b}[?1049l"))
    }
}
