import Testing

@testable import Curses

/// What terminals answer, as they were seen or documented to.
@Suite struct TerminalAnswersTests {
    private static let start: UInt64 = 5_000_000_000

    /// Reads the text after each escape character as one sequence.
    private func answers(_ texts: [String], after wait: UInt64 = 0) -> (TerminalAnswers, [String]) {
        var answers = TerminalAnswers()
        var questions = [answers.begin(Self.start)]
        for text in texts {
            let codes = text.unicodeScalars.map(\.value)
            guard var sequence = TerminalSequence(afterEscape: codes[0], isAnswer: true) else { continue }
            for code in codes.dropFirst() where sequence.take(code) {
                answers.take(sequence, Self.start + wait)
                break
            }
            if let next = answers.nextQuestion() { questions.append(next) }
        }
        return (answers, questions)
    }

    @Test func onlyTheKindIsAskedAtFirst() {
        #expect(answers([]).1 == ["\u{1b}[c"])
    }

    @Test(arguments: [
        // kitty, WezTerm with sixel and kitty, Ghostty, Konsole.
        (["[?62;c", "_Gi=31;OK\u{1b}\\", "[?62;c"], true, false),
        (["[?65;4;6;18;22c", "_Gi=31;OK\u{1b}\\", "[?65;4;6;18;22c"], true, true),
        (["[?62;22;52c", "_Gi=31;OK\u{7}", "[?62;22;52c"], true, false),
        (["[?62;1;4c", "_Gi=31,I=7;OK\u{1b}\\", "[?62;1;4c"], true, true),
        // foot has sixel; VTE and xterm have neither; an error is no OK.
        (["[?62;4;22;28c", "[?62;4;22;28c"], false, true),
        (["[?65;1;9c", "[?65;1;9c"], false, false),
        (["[?62;c", "_Gi=31;ENOTSUPPORTED:no\u{1b}\\", "[?62;c"], false, false),
        (["[?62;c", "_Gi=30;OK\u{1b}\\", "[?62;c"], false, false),
    ])
    func modernTerminalsAreAskedForKittysProtocol(_ texts: [String], _ kitty: Bool, _ sixel: Bool) {
        let (answers, questions) = answers(texts)
        #expect(answers.abilities == TerminalAbilities(kitty: kitty, sixel: sixel))
        #expect(questions.count == 2 && questions[1].hasPrefix("\u{1b}_Gi=31") && questions[1].hasSuffix("\u{1b}[c"))
        #expect(!answers.isAwaited(Self.start))
    }

    @Test(arguments: [
        // tmux, tmux with sixel, GNU screen, the Linux console, st, Windows Terminal.
        ("[?1;2c", false), ("[?1;2;4c", true), ("[?1;2c", false), ("[?6c", false), ("[?61;4;6c", true), ("[?c", false),
    ])
    func othersAreNot(_ text: String, _ sixel: Bool) {
        let (answers, questions) = answers([text])
        #expect(answers.abilities == TerminalAbilities(sixel: sixel))
        #expect(questions.count == 1)
        #expect(!answers.isAwaited(Self.start))
    }

    @Test func keysAndOtherAnswersSayNothing() {
        let (answers, questions) = answers(["[1;5C", "OP", "[>0;276;0c", "[62c", "[?62;1$y", "[?25h"])
        #expect(answers.abilities == TerminalAbilities() && questions.count == 1)
        #expect(answers.isAwaited(Self.start))
    }

    @Test func whatIsUnaskedOrTooLateIsNoAnswer() {
        let (late, questions) = answers(["[?62;4c", "_Gi=31;OK\u{1b}\\"], after: 10_000_000_000)
        #expect(late.abilities == TerminalAbilities() && questions.count == 1)
        var unasked = TerminalAnswers()
        var sequence = TerminalSequence(afterEscape: 0x5B, isAnswer: true)
        for scalar in "?62;4c".unicodeScalars { _ = sequence?.take(scalar.value) }
        if let sequence { unasked.take(sequence, 0) }
        let question = unasked.nextQuestion()
        #expect(unasked.abilities == TerminalAbilities() && question == nil)
    }

    @Test func aSequenceEndsWhereItEnds() throws {
        // Alt and a sign is no answer where none is awaited, and none ever where it begins with another sign.
        #expect(TerminalSequence(afterEscape: 0x5F, isAnswer: false) == nil)
        #expect(TerminalSequence(afterEscape: UInt32(UInt8(ascii: "x")), isAnswer: true) == nil)
        var alt = try #require(TerminalSequence(afterEscape: 0x5F, isAnswer: true))
        let isOver = alt.take(UInt32(UInt8(ascii: "q")))
        #expect(isOver)
        // One that never ends is given up.
        for start: UInt32 in [0x5B, 0x5F] {
            var endless = try #require(TerminalSequence(afterEscape: start, isAnswer: true))
            var taken = 0
            for count in 1...1000 where taken == 0 {
                if endless.take(UInt32(UInt8(ascii: start == 0x5B ? "1" : "G"))) { taken = count }
            }
            #expect(taken > 100 && taken < 300)
        }
    }

    @Test func aCellsSizeIsOnlyBelievedWhereAFontCouldHaveIt() {
        let size = ScreenSize(columns: 80, rows: 24)
        #expect(CellSize(pixels: (800, 480), of: size) == CellSize(width: 10, height: 20))
        for pixels in [(0, 0), (80, 24), (800, 0), (65_535, 65_535), (-1, -1)] {
            #expect(CellSize(pixels: pixels, of: size) == nil)
        }
    }

    @Test func aPictureIsDrawnAtItsFirstCellAndTheCursorComesBack() {
        let picture = PlacedPicture(rows: 4..<8, columns: 39..<79, drawing: Array("DRAWN".utf8))
        #expect(String(decoding: picture.sequence, as: UTF8.self) == "\u{1b}7\u{1b}[5;40HDRAWN\u{1b}8")
    }
}
