/// A sequence of characters that a terminal sends after an escape character: a key that ncurses does not know, or an answer.
struct TerminalSequence: Sendable, Equatable {
    private enum Kind: Sendable {
        /// Up to a letter: a control sequence (`ESC [`), or a key of the keypad (`ESC O`).
        case letter
        /// Up to `ESC \\` or BEL: a program command (`ESC _`).
        case string
    }

    /// Longer ones are no answers.
    private static let longest = 256

    private let kind: Kind
    /// What has come of it, without the end of a string.
    private(set) var text: String

    /// - Parameters:
    ///   - code: the character after the escape character.
    ///   - isAnswer: whether it may be the answer to a question. Otherwise `ESC _` is Alt and a sign.
    /// - Returns: nil for what begins no sequence.
    init?(afterEscape code: UInt32, isAnswer: Bool) {
        switch code {
        case 0x5B, 0x4F: (kind, text) = (.letter, code == 0x5B ? "[" : "O")
        case 0x5F where isAnswer: (kind, text) = (.string, "_")
        default: return nil
        }
    }

    /// Takes the next character.
    /// - Returns: whether the sequence ends with it.
    mutating func take(_ code: UInt32) -> Bool {
        guard let scalar = Unicode.Scalar(code), text.utf8.count < TerminalSequence.longest else { return true }
        switch kind {
        case .letter:
            text.unicodeScalars.append(scalar)
            return (0x40...0x7E).contains(code)
        case .string:
            if code == 0x07 { return true }
            if text.hasSuffix("\u{1b}") {
                text.unicodeScalars.removeLast()
                return true
            }
            // Terminals' answers about graphics begin with a G; anything else was a key.
            if text == "_", scalar != "G" { return true }
            text.unicodeScalars.append(scalar)
            return false
        }
    }
}

/// Which pictures of pixels a terminal says that it can show.
package struct TerminalAbilities: Sendable, Hashable {
    /// By kitty's graphics protocol.
    package var kitty: Bool
    package var sixel: Bool

    package init(kitty: Bool = false, sixel: Bool = false) { (self.kitty, self.sixel) = (kitty, sixel) }
}

/// Asks a terminal which pictures it can show, and reads what it says; docs/decisions/0096.
///
/// First it is asked what kind of terminal it is (DA1), which all answer and which changes nothing on any. Only one that calls itself a
/// VT220 or later is asked about kitty's protocol: tmux and GNU screen call themselves VT100s, and would show the question as a title.
struct TerminalAnswers: Sendable {
    private enum Stage: Sendable {
        case unasked, kind, graphics, known
    }

    /// What DA1 gives as the first number for a VT220 and its successors.
    private static let modern = 62...69
    /// The number in DA1's answer that stands for sixel.
    private static let sixel = 4
    /// A question about a picture of one pixel that is not shown. What follows ends the wait where nobody knows the protocol.
    private static let kitty = "\u{1b}_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\u{1b}\\"
    private static let kind = "\u{1b}[c"
    /// Answers that come later are still recognized as such; a key that looks like the beginning of one is not. Nanoseconds.
    private static let longestWait: UInt64 = 10_000_000_000

    private var stage = Stage.unasked
    private var asked: UInt64 = 0
    private var question: String?
    private(set) var abilities = TerminalAbilities()

    /// The first question; what is asked after its answer, ``nextQuestion()`` gives.
    mutating func begin(_ now: UInt64) -> String {
        (stage, asked) = (.kind, now)
        return TerminalAnswers.kind
    }

    /// Whether an answer may come still.
    func isAwaited(_ now: UInt64, within wait: UInt64 = TerminalAnswers.longestWait) -> Bool {
        (stage == .kind || stage == .graphics) && now < asked + wait
    }

    /// Takes what came, if it is an answer.
    mutating func take(_ sequence: TerminalSequence, _ now: UInt64) {
        guard isAwaited(now) else { return }
        if sequence.text.hasPrefix("_G") {
            let parts = sequence.text.dropFirst(2).split(separator: ";", maxSplits: 1)
            if parts.count == 2, parts[0].split(separator: ",").contains("i=31"), parts[1] == "OK" {
                abilities.kitty = true
            }
            return
        }
        guard sequence.text.hasPrefix("[?"), sequence.text.hasSuffix("c") else { return }
        let numbers = sequence.text.dropFirst(2).dropLast().split(separator: ";").map { Int($0) ?? 0 }
        if stage == .kind {
            abilities.sixel = numbers.dropFirst().contains(TerminalAnswers.sixel)
            guard let first = numbers.first, TerminalAnswers.modern.contains(first) else {
                stage = .known
                return
            }
            (stage, question) = (.graphics, TerminalAnswers.kitty + TerminalAnswers.kind)
        } else {
            stage = .known
        }
    }

    /// What is to be asked now; nil for nothing.
    mutating func nextQuestion() -> String? {
        defer { question = nil }
        return question
    }
}
