import CNcurses
import Linux

/// User input, as the terminal reports it.
package enum ScreenInput: Sendable, Hashable {
    case character(Character)
    /// Control and a letter, in lower case.
    case control(Character)
    case named(NamedKey)
    /// F1 is 1.
    case function(Int)
    /// The left button, at a cell.
    case click(row: Int, column: Int)
    /// Rows down; negative up.
    case wheel(Int)
    /// Text that the terminal marks as pasted, or that arrived faster than anybody types.
    case pasted(String)

    /// Keys with a name.
    package enum NamedKey: Sendable, Hashable {
        case enter, escape, tab, backTab, backspace, delete, up, down, left, right, pageUp, pageDown, home, end
    }
}

/// Turns the key codes of ncurses into input.
struct InputReader {
    /// More characters at once than anybody types: pasted into a terminal that does not mark pasted text.
    private static let burst = 48
    /// Longer pastes are cut; no field takes as much.
    private static let longestPaste = 8192
    /// Input that follows a burst this soon belongs to it. Nanoseconds.
    private static let burstEcho: UInt64 = 200_000_000

    private var paste: String?
    private var pasteLength = 0
    private var lastBurst: UInt64 = 0

    /// What the terminal was asked, and has answered.
    var answers = TerminalAnswers()
    /// The answer whose rest has not arrived yet.
    private var unfinished: TerminalSequence?

    /// Reads all pending input.
    mutating func read() -> [ScreenInput] {
        var inputs: [ScreenInput] = []
        var typed = 0
        var code: UInt32 = 0
        var pending: (result: Int32, code: UInt32)?
        if let sequence = unfinished { follow(sequence) }
        // Bounded, so that a flood cannot keep the screen from being drawn.
        while inputs.count < 4096 {
            let result = pending?.result ?? osc_read(&code)
            if let next = pending { code = next.code }
            pending = nil
            if result == ERR { break }
            if result == OK && code == 27 && paste == nil {
                pending = escape(&inputs)
                continue
            }
            guard let input = result == OK ? character(code) : key(code) else { continue }
            switch input {
            case .character, .named(.enter): typed += 1
            default: break
            }
            inputs.append(input)
        }
        let now = MonotonicClock.nanoseconds
        if typed >= InputReader.burst { lastBurst = now }
        if typed > 0, lastBurst > 0, now - lastBurst < InputReader.burstEcho {
            lastBurst = now
            return InputReader.merged(inputs)
        }
        return inputs
    }

    /// After an escape character: the key itself, or a sequence that ncurses does not know.
    ///
    /// A letter with Alt looks like Escape and a letter that arrived together, as they do over a slow link: no key is lost.
    /// - Returns: what was read after the key.
    private mutating func escape(_ inputs: inout [ScreenInput]) -> (result: Int32, code: UInt32)? {
        var code: UInt32 = 0
        let result = osc_read(&code)
        let isAwaited = answers.isAwaited(MonotonicClock.nanoseconds)
        guard result == OK, let sequence = TerminalSequence(afterEscape: code, isAnswer: isAwaited) else {
            inputs.append(.named(.escape))
            return result == ERR ? nil : (result, code)
        }
        follow(sequence)
        return nil
    }

    /// Reads on in a sequence, to its end or as far as it has arrived.
    private mutating func follow(_ sequence: TerminalSequence) {
        var sequence = sequence
        var code: UInt32 = 0
        let now = MonotonicClock.nanoseconds
        unfinished = nil
        while true {
            switch osc_read(&code) {
            case OK: if sequence.take(code) { return answers.take(sequence, now) }
            case ERR:
                // What comes later of a key that nobody waits for is another key.
                if answers.isAwaited(now) { unfinished = sequence }
                return
            default: return
            }
        }
    }

    private mutating func character(_ code: UInt32) -> ScreenInput? {
        if paste != nil {
            pasteLength += 1
            if pasteLength <= InputReader.longestPaste, let scalar = Unicode.Scalar(code) {
                paste?.unicodeScalars.append(scalar)
            }
            return nil
        }
        switch code {
        case 9: return .named(.tab)
        case 10, 13: return .named(.enter)
        case 8, 127: return .named(.backspace)
        case 1...26: return .control(Character(Unicode.Scalar(UInt8(code) + 96)))
        case ..<32: return nil
        default: return Unicode.Scalar(code).map { .character(Character($0)) }
        }
    }

    private mutating func key(_ code: UInt32) -> ScreenInput? {
        let code = Int32(bitPattern: code)
        if code == osc_KEY_PASTE_START {
            paste = ""
            pasteLength = 0
            return nil
        }
        if code == osc_KEY_PASTE_END {
            defer { paste = nil }
            return paste.map { .pasted($0) }
        }
        if paste != nil { return nil }
        if let named = InputReader.names[code] { return .named(named) }
        if (1...12).contains(code - osc_KEY_F(0)) { return .function(Int(code - osc_KEY_F(0))) }
        return code == KEY_MOUSE ? mouse() : nil
    }

    private func mouse() -> ScreenInput? {
        var (row, column): (Int32, Int32) = (0, 0)
        switch osc_mouse(&row, &column) {
        case 1: return .click(row: Int(row), column: Int(column))
        case 4: return .wheel(-3)
        case 5: return .wheel(3)
        default: return nil
        }
    }

    private static let names: [Int32: ScreenInput.NamedKey] = [
        KEY_UP: .up, KEY_DOWN: .down, KEY_LEFT: .left, KEY_RIGHT: .right, KEY_PPAGE: .pageUp, KEY_NPAGE: .pageDown,
        KEY_HOME: .home, KEY_END: .end, KEY_ENTER: .enter, KEY_BACKSPACE: .backspace, KEY_DC: .delete,
        KEY_BTAB: .backTab,
    ]

    /// Turns the characters and line ends of a burst into one paste; other keys stay.
    private static func merged(_ inputs: [ScreenInput]) -> [ScreenInput] {
        var text = ""
        var length = 0
        var rest: [ScreenInput] = []
        for input in inputs {
            switch input {
            case .character(let character):
                if length < longestPaste { text.append(character) }
                length += 1
            case .named(.enter):
                if length < longestPaste { text.append("\n") }
                length += 1
            default: rest.append(input)
            }
        }
        return [.pasted(text)] + rest
    }
}
