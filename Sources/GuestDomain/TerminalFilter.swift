/// What a guest writes on its serial port, without what would do more to a terminal than draw on it.
///
/// A terminal obeys whoever writes to it: it answers questions (as if the user had typed the answer), puts text into the
/// clipboard, receives files, renames its window. What is known to be harmless passes unchanged; everything else is left
/// out. Modes that a full-screen program needs pass as well; ``reset`` takes them back.
///
/// A value that follows the text from piece to piece: how the text is cut makes no difference. It holds at most
/// 128 bytes. The states are those of https://vt100.net/emu/dec_ansi_parser.
package struct TerminalFilter: Sendable {
    /// Who reads what is passed on.
    package enum Target: Sendable, CaseIterable {
        /// A terminal that reads UTF-8.
        case terminal
        /// A terminal whose characters are bytes; it may take those from 0x80 to 0x9F for control characters.
        case byteTerminal
        /// A file or pipe, which somebody may show on a terminal later: text only.
        case text
    }

    private enum State {
        case ground
        /// After ESC; `intermediate` is 0 before the first such byte.
        case escape(intermediate: UInt8)
        /// After `ESC [`; its bytes are in `sequence`.
        case controlSequence
        /// In a control sequence that is too long.
        case overlongSequence
        /// After `ESC ]`.
        case command
        /// In the Linux console's `ESC ] P`, which has seven digits and no end.
        case palette(digits: Int)
        /// In a string that is left out up to its end.
        case string
    }

    /// Bytes of a control sequence: one with two colours has 40.
    private static let longestSequence = 128

    private let target: Target
    private var state = State.ground
    private var sequence: [UInt8] = []
    private var characters = CharacterReader()
    private var output: [UInt8] = []
    private var modes = TerminalModes()

    package init(for target: Target) { self.target = target }

    /// Takes the next piece.
    /// - Returns: what may be shown of it, and of what was held back before.
    package mutating func pass(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        output.removeAll(keepingCapacity: true)
        output.reserveCapacity(bytes.underestimatedCount)
        for byte in bytes {
            guard target != .byteTerminal else {
                take(UInt32(byte))
                continue
            }
            let found = characters.take(byte)
            if let first = found.0 { take(first) }
            if let second = found.1 { take(second) }
        }
        return output
    }

    /// What puts a terminal back into the state that a shell expects, after all that has passed. Empty for ``Target/text``.
    package var reset: [UInt8] { target == .text ? [] : Array(modes.reset.utf8) }

    // MARK: Characters

    private mutating func take(_ character: UInt32) {
        switch character {
        case 0x1B: state = .escape(intermediate: 0)
        // CAN and SUB cancel a sequence. They do not pass: ZMODEM, which some terminals answer by themselves, begins with CAN.
        case 0x18, 0x1A: state = .ground
        case 0x80...0x9F:
            // Control characters with the eighth bit are short for ESC and a letter.
            state = .escape(intermediate: 0)
            takePrintable(character - 0x40)
        case 0x7F: break
        case ..<0x20: takeControl(UInt8(character))
        default: takePrintable(character)
        }
    }

    private mutating func takeControl(_ byte: UInt8) {
        switch state {
        case .command, .palette, .string:
            // BEL is xterm's end of a string. A line's end is not, but a terminal must not stay silent for ever after noise.
            guard byte == 0x07 || byte == 0x0A else { return }
            state = .ground
            if byte == 0x07 { return }
        // Terminals obey them in the middle of a sequence, too.
        case .ground, .escape, .controlSequence, .overlongSequence: break
        }
        switch byte {
        // Backspace, tab, line feed, carriage return.
        case 0x08...0x0A, 0x0D: output.append(byte)
        // Bell, vertical tab, form feed, shift out and in. Not ENQ, which is answered, nor XOFF and printers' controls.
        case 0x07, 0x0B...0x0F: if target != .text { output.append(byte) }
        default: break
        }
    }

    private mutating func takePrintable(_ character: UInt32) {
        // Only ASCII belongs to a sequence; anything else ends it.
        if character > 0x7F, !isInString { state = .ground }
        let byte = UInt8(truncatingIfNeeded: character)
        switch state {
        case .ground: show(character)
        case .escape(let intermediate): takeEscape(intermediate, byte)
        case .controlSequence:
            sequence.append(byte)
            if byte >= 0x40 {
                endSequence()
            } else if sequence.count >= TerminalFilter.longestSequence {
                state = .overlongSequence
            }
        case .overlongSequence: if byte >= 0x40 { state = .ground }
        case .command:
            // Two commands of the Linux console have no end.
            state = character == 0x52 ? .ground : character == 0x50 ? .palette(digits: 7) : .string
        case .palette(let digits):
            let isDigit = character < 0x80 && Character(Unicode.Scalar(byte)).isHexDigit
            state = !isDigit ? .string : digits == 1 ? .ground : .palette(digits: digits - 1)
        case .string: break
        }
    }

    private var isInString: Bool {
        switch state {
        case .command, .palette, .string: true
        case .ground, .escape, .controlSequence, .overlongSequence: false
        }
    }

    private mutating func show(_ character: UInt32) {
        if target == .byteTerminal || character < 0x80 {
            output.append(UInt8(truncatingIfNeeded: character))
        } else if let scalar = Unicode.Scalar(character) {
            output.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        }
    }

    // MARK: Sequences

    private mutating func takeEscape(_ intermediate: UInt8, _ byte: UInt8) {
        if byte < 0x30 {
            // With two of them nothing is known.
            state = .escape(intermediate: intermediate == 0 ? byte : 0xFF)
            return
        }
        state = .ground
        switch (intermediate, UnicodeScalar(byte)) {
        case (0, "["):
            sequence.removeAll(keepingCapacity: true)
            state = .controlSequence
        case (0, "]"): state = .command
        // DCS, SOS, PM, APC, and screen's title.
        case (0, "P"), (0, "X"), (0, "^"), (0, "_"), (0, "k"): state = .string
        case (0, "c") where target != .text:
            // A full reset would throw away what was on the screen before, and the user's own settings.
            output.append(contentsOf: modes.reset.utf8)
            output.append(contentsOf: "\u{1b}[H\u{1b}[2J".utf8)
            modes = TerminalModes()
        // Cursor saved and restored, index, next line, reverse index, keypad.
        case (0, "7"), (0, "8"), (0, "D"), (0, "E"), (0, "M"), (0, "="), (0, ">"): emit([byte])
        // ( and ): character sets ASCII, British, line drawing. #: double height and width, the alignment pattern.
        case (0x28, "0"), (0x28, "A"), (0x28, "B"), (0x29, "0"), (0x29, "A"), (0x29, "B"): emit([intermediate, byte])
        case (0x23, "3"), (0x23, "4"), (0x23, "5"), (0x23, "6"), (0x23, "8"): emit([intermediate, byte])
        default: break
        }
    }

    private mutating func endSequence() {
        state = .ground
        guard let found = ControlSequence(sequence), let passed = modes.pass(found) else { return }
        emit([0x5B] + passed)
    }

    private mutating func emit(_ bytes: [UInt8]) {
        guard target != .text else { return }
        output.append(0x1B)
        output.append(contentsOf: bytes)
    }
}

/// Characters out of UTF-8 that comes byte by byte. What is not UTF-8 becomes U+FFFD: overlong forms and surrogates, too,
/// behind which a careless reader would find control characters.
private struct CharacterReader: Sendable {
    private var value: UInt32 = 0
    private var missing = 0
    /// What the next byte must be.
    private var next: ClosedRange<UInt8> = 0x80...0xBF

    /// - Returns: up to two characters: one that was broken off, and the byte's own.
    mutating func take(_ byte: UInt8) -> (UInt32?, UInt32?) {
        var brokenOff: UInt32?
        if missing > 0 {
            if next.contains(byte) {
                value = value << 6 | UInt32(byte & 0x3F)
                next = 0x80...0xBF
                missing -= 1
                return (missing == 0 ? value : nil, nil)
            }
            missing = 0
            brokenOff = 0xFFFD
        }
        switch byte {
        case ..<0x80: return (brokenOff, UInt32(byte))
        case 0xC2...0xDF: begin(byte & 0x1F, missing: 1)
        case 0xE0: begin(0, missing: 2, next: 0xA0...0xBF)
        case 0xED: begin(0x0D, missing: 2, next: 0x80...0x9F)
        case 0xE1...0xEF: begin(byte & 0x0F, missing: 2)
        case 0xF0: begin(0, missing: 3, next: 0x90...0xBF)
        case 0xF1...0xF3: begin(byte & 0x07, missing: 3)
        case 0xF4: begin(4, missing: 3, next: 0x80...0x8F)
        default: return (brokenOff, 0xFFFD)
        }
        return (brokenOff, nil)
    }

    private mutating func begin(_ bits: UInt8, missing: Int, next: ClosedRange<UInt8> = 0x80...0xBF) {
        value = UInt32(bits)
        self.missing = missing
        self.next = next
    }
}
