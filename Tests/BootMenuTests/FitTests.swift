import Curses
import Testing
import menu_sample

@testable import BootMenu

/// Text by the cells it takes.
@Suite struct FitTests {
    @Test(arguments: [
        ("plain", 5), ("新Debian", 8), ("e\u{301}", 1), ("한국어", 6), ("\u{1b}[31m", 5), ("a\tb", 3), ("", 0), ("🐧", 2),
    ])
    func widthsAreTheTerminals(_ text: String, _ width: Int) {
        #expect(Glyphs.unicode.width(text) == width)
    }

    @Test(arguments: [
        ("plain", 5, "plain"), ("plain", 4, "pla…"), ("plain", 1, "…"), ("plain", 0, ""), ("新新新", 5, "新新…"),
        ("新新新", 4, "新…"), ("e\u{301}xyz", 2, "e\u{301}…"), ("a\u{202e}b", 3, "a·b"), ("\u{9b}1m", 3, "·1m"),
    ])
    func longTextsAreClipped(_ text: String, _ width: Int, _ shown: String) {
        #expect(Glyphs.unicode.clip(text, to: width).text == shown)
    }

    @Test func clippingLooksAtNoMoreThanItShows() {
        let title = String(repeating: "x", count: 50_000_000)
        let clock = ContinuousClock()
        let short = clock.measure { for _ in 0..<1000 { _ = Glyphs.unicode.clip(String(title.prefix(40)), to: 20) } }
        let long = clock.measure { for _ in 0..<1000 { _ = Glyphs.unicode.clip(title, to: 20) } }
        // A walk over it all would take a million times as long.
        #expect(long < short * 1000)
    }

    @Test func manyCombiningMarksDoNotPileUp() {
        let zalgo = "a" + String(repeating: "\u{301}", count: 10_000) + "b"
        #expect(Glyphs.unicode.clip(zalgo, to: 2).text.unicodeScalars.count <= 6)
    }

    @Test func wrappingKeepsWordsWhole() {
        #expect(Glyphs.unicode.wrap("one two three", 7) == ["one two", "three"])
        #expect(Glyphs.unicode.wrap("abcdefghij", 4) == ["abcd", "efgh", "ij"])
        #expect(Glyphs.unicode.wrap("新新新", 4) == ["新新", "新"])
        #expect(Glyphs.unicode.wrap("a\nb", 4) == ["a", "b"])
        #expect(Glyphs.unicode.wrap("one two three", 7, limit: 1) == ["one tw…"])
        #expect(Glyphs.unicode.wrap("ab cdefg", 6, limit: 1) == ["ab…"])
    }
}
