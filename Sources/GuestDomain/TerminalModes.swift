/// Which control sequences may pass to a terminal, and how what they changed is taken back.
///
/// Numbers and names are those of https://invisible-island.net/xterm/ctlseqs/ctlseqs.html.
struct TerminalModes: Sendable {
    private var isAlternate = false
    /// Whether the cursor may be confined to a part of the screen.
    private var isConfined = false
    /// Whether the cursor may count from the top of that part.
    private var hasOrigin = false
    private var hasCursorStyle = false

    /// DEC's private modes that pass: cursor keys, reverse video, origin, wrapping, cursor, alternate screen, keypad, mouse,
    /// focus reports, bracketed paste.
    private static let privateModes: Set<Int> = [
        1, 5, 6, 7, 9, 25, 47, 66, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1047, 1048, 1049, 2004,
    ]
    /// Inserting characters.
    private static let insertMode = 4

    /// - Returns: the bytes after `ESC [` that may pass; nil for none.
    mutating func pass(_ found: ControlSequence) -> [UInt8]? {
        let values = found.parameters.map { $0 ?? 0 }
        switch (found.prefix, found.intermediate, found.final) {
        case (nil, nil, "m"): return found.bytes
        case _ where found.hasSubparameters: return nil
        case (nil, nil, "h"), (nil, nil, "l"): return set([TerminalModes.insertMode], found)
        case ("?", nil, "h"), ("?", nil, "l"): return set(TerminalModes.privateModes, found)
        // Movements, insertions, deletions, tabs, repetition.
        case (nil, nil, "@"), (nil, nil, "A"..."I"), (nil, nil, "L"), (nil, nil, "M"), (nil, nil, "P"), (nil, nil, "S"),
            (nil, nil, "X"), (nil, nil, "Z"), (nil, nil, "`"), (nil, nil, "a"), (nil, nil, "b"), (nil, nil, "d"),
            (nil, nil, "e"), (nil, nil, "f"):
            return values.count <= 2 ? found.bytes : nil
        // With five parameters it tracks the mouse.
        case (nil, nil, "T"): return values.count <= 1 ? found.bytes : nil
        // Not 3, which erases what had scrolled off the screen before the guest was there.
        case (nil, nil, "J"), (nil, nil, "K"), ("?", nil, "J"), ("?", nil, "K"):
            return values.count <= 1 && values.allSatisfy { $0 <= 2 } ? found.bytes : nil
        case (nil, nil, "r") where values.count <= 2:
            isConfined = !values.isEmpty
            return found.bytes
        // With parameters they are margins.
        case (nil, nil, "s"), (nil, nil, "u"): return values.isEmpty ? found.bytes : nil
        case (nil, "!", "p"): return values.isEmpty ? found.bytes : nil
        case (nil, " ", "q") where values.count <= 1:
            hasCursorStyle = values != [0] && !values.isEmpty
            return found.bytes
        default: return nil
        }
    }

    private mutating func set(_ known: Set<Int>, _ found: ControlSequence) -> [UInt8]? {
        let passed = found.parameters.compactMap { $0 }.filter(known.contains)
        guard !passed.isEmpty else { return nil }
        if found.prefix != nil {
            if !Set(passed).isDisjoint(with: [47, 1047, 1049]) { isAlternate = found.final == "h" }
            if passed.contains(6), found.final == "h" { hasOrigin = true }
        }
        if passed.count == found.parameters.count { return found.bytes }
        let text = passed.map(String.init).joined(separator: ";")
        return Array("\(found.prefix == nil ? "" : "?")\(text)\(found.final)".utf8)
    }

    /// What takes back everything that may have passed. Only what moves the cursor is left out where it was not changed.
    var reset: String {
        var text = ""
        if isAlternate { text += "\u{1b}[?1049l" }
        // Both move the cursor to the top. The text is likely to end at the bottom.
        if isConfined || hasOrigin { text += "\u{1b}[?6l\u{1b}[r\u{1b}[999;1H" }
        if hasCursorStyle { text += "\u{1b}[0 q" }
        // Attributes, font (10: on the Linux console 0 leaves it), character sets, insertion, keypad, cursor, wrapping.
        text += "\u{1b}[0;10m\u{1b}(B\u{1b})B\u{0f}\u{1b}[4l\u{1b}>\u{1b}[?25h\u{1b}[?7h"
        return text + [1, 5, 9, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 2004].map { "\u{1b}[?\($0)l" }.joined()
    }
}

/// A control sequence: what follows `ESC [`.
struct ControlSequence: Sendable {
    /// As it came, up to its final byte.
    let bytes: [UInt8]
    /// One of `<=>?`, which makes the rest private.
    let prefix: Unicode.Scalar?
    /// Nil for one that is left empty.
    let parameters: [Int?]
    /// Whether one of the parameters is a list.
    let hasSubparameters: Bool
    let intermediate: Unicode.Scalar?
    let final: Unicode.Scalar

    /// No screen has more lines or columns; where programs ask for "the last one", they name this number at most.
    private static let greatest = 32_767

    /// - Parameter bytes: in ASCII, up to the final byte.
    /// - Returns: nil when it is malformed, or a number is too big for any screen.
    init?(_ bytes: [UInt8]) {
        guard let last = bytes.last else { return nil }
        var rest = bytes.dropLast()
        prefix = rest.first.flatMap { (0x3C...0x3F).contains($0) ? Unicode.Scalar($0) : nil }
        if prefix != nil { rest.removeFirst() }
        let numbers = rest.prefix { (0x30...0x3B).contains($0) }
        let after = rest.dropFirst(numbers.count)
        guard after.count <= 1, after.allSatisfy({ (0x20...0x2F).contains($0) }) else { return nil }
        var parameters: [Int?] = []
        if !numbers.isEmpty {
            for piece in numbers.split(separator: 0x3B, omittingEmptySubsequences: false) {
                let values = piece.split(separator: 0x3A).map { Int(String(decoding: $0, as: UTF8.self)) ?? .max }
                guard values.allSatisfy({ $0 <= ControlSequence.greatest }) else { return nil }
                parameters.append(values.first)
            }
        }
        self.bytes = bytes
        self.parameters = parameters
        hasSubparameters = numbers.contains(0x3A)
        intermediate = after.first.map { Unicode.Scalar($0) }
        final = Unicode.Scalar(last)
    }
}
