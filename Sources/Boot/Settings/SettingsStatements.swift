/// The statements of a TOML text and where they stand in it, so that one of them can be changed and the rest stays as it was written.
///
/// Of values only their ends are found. Whether the text is valid, the parser says that reads the settings.
struct SettingsStatements {
    struct Statement {
        enum Kind {
            case header(isArray: Bool)
            /// Where its value stands.
            case pair(value: Range<Int>)
        }

        let kind: Kind
        /// The key from the root: a pair's with that of the table it stands in.
        let path: [String]
        /// How many parts of the path are written in the statement itself.
        let written: Int
        /// The statement without blanks and a comment around it.
        let text: Range<Int>
        /// Its lines, with the line break at their end.
        let lines: Range<Int>
    }

    private let bytes: [UInt8]
    private var at = 0

    /// - Returns: nil where the text is not understood.
    static func read(_ bytes: [UInt8]) -> [Statement]? {
        var statements = SettingsStatements(bytes: bytes)
        return statements.all()
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func all() -> [Statement]? {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { at = 3 }
        var found: [Statement] = []
        var table: [String] = []
        while true {
            let start = at
            skipBlanks()
            guard let first = byte else { return found }
            let textStart = at
            if first == .lineFeed || first == .carriageReturn || first == .hash {
                guard endLine() else { return nil }
                continue
            }
            let kind: Statement.Kind
            let own: [String]
            if take(.openBracket) {
                let isArray = take(.openBracket)
                guard let key = key(), take(.closeBracket), !isArray || take(.closeBracket) else { return nil }
                (own, table, kind) = (key, [], .header(isArray: isArray))
            } else {
                guard let key = key(), take(.equals) else { return nil }
                skipBlanks()
                guard let value = value() else { return nil }
                (own, kind) = (key, .pair(value: value))
            }
            let text = textStart..<at
            guard endLine() else { return nil }
            let path = table + own
            found.append(Statement(kind: kind, path: path, written: own.count, text: text, lines: start..<at))
            if case .header = kind { table = path }
        }
    }

    private var byte: UInt8? { at < bytes.count ? bytes[at] : nil }

    private mutating func take(_ wanted: UInt8) -> Bool {
        guard byte == wanted else { return false }
        at += 1
        return true
    }

    private mutating func skipBlanks() { while byte == .space || byte == .tab { at += 1 } }

    /// Goes to the next line, if nothing but a comment is left of this one.
    private mutating func endLine() -> Bool {
        skipBlanks()
        if byte == .hash { skipComment() }
        if byte == .carriageReturn { at += 1 }
        return byte == nil || take(.lineFeed)
    }

    private mutating func skipComment() {
        while let byte, byte != .lineFeed, byte != .carriageReturn { at += 1 }
    }

    // MARK: Keys

    private mutating func key() -> [String]? {
        var parts: [String] = []
        repeat {
            skipBlanks()
            guard let part = keyPart() else { return nil }
            parts.append(part)
            skipBlanks()
        } while take(.dot)
        return parts
    }

    private mutating func keyPart() -> String? {
        let start = at
        if byte == .quote || byte == .apostrophe {
            let isLiteral = byte == .apostrophe
            guard string(isOneLine: true) else { return nil }
            let inner = bytes[(start + 1)..<(at - 1)]
            return isLiteral ? String(validating: inner, as: UTF8.self) : SettingsStatements.unescaped(inner)
        }
        while let byte, SettingsStatements.isBare(byte) { at += 1 }
        return at > start ? String(decoding: bytes[start..<at], as: UTF8.self) : nil
    }

    /// Whether a key may have this byte without quotes.
    static func isBare(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func unescaped(_ text: ArraySlice<UInt8>) -> String? {
        guard let text = String(validating: text, as: UTF8.self) else { return nil }
        let plain: [Unicode.Scalar: Unicode.Scalar] = [
            "b": "\u{8}", "t": "\t", "n": "\n", "f": "\u{C}", "r": "\r", "\"": "\"", "\\": "\\",
        ]
        var result = String.UnicodeScalarView()
        var rest = Substring.UnicodeScalarView(text.unicodeScalars)
        while let scalar = rest.popFirst() {
            guard scalar == "\\" else {
                result.append(scalar)
                continue
            }
            guard let kind = rest.popFirst() else { return nil }
            if kind == "u" || kind == "U" {
                let digits = rest.prefix(kind == "u" ? 4 : 8)
                guard let number = UInt32(String(digits), radix: 16), let meant = Unicode.Scalar(number) else {
                    return nil
                }
                result.append(meant)
                rest = rest.dropFirst(digits.count)
            } else {
                guard let meant = plain[kind] else { return nil }
                result.append(meant)
            }
        }
        return String(result)
    }

    // MARK: Values

    /// - Returns: where the value stands, of several lines if it is an array or a long string.
    private mutating func value() -> Range<Int>? {
        let start = at
        var end = at
        var depth = 0
        scan: while let byte {
            switch byte {
            case .quote, .apostrophe: guard string(isOneLine: false) else { return nil }
            case .openBracket, .openBrace:
                depth += 1
                at += 1
            case .closeBracket, .closeBrace:
                depth -= 1
                guard depth >= 0 else { return nil }
                at += 1
            case .hash:
                if depth == 0 { break scan }
                skipComment()
                continue
            case .lineFeed, .carriageReturn:
                if depth == 0 { break scan }
                at += 1
                continue
            case .space, .tab:
                at += 1
                continue
            default: at += 1
            }
            end = at
        }
        at = end
        return depth == 0 && end > start ? start..<end : nil
    }

    /// Goes to the end of a string.
    /// - Returns: whether it has one.
    private mutating func string(isOneLine: Bool) -> Bool {
        guard let mark = byte else { return false }
        let isLong = !isOneLine && bytes[at...].starts(with: [mark, mark, mark])
        at += isLong ? 3 : 1
        while let byte {
            if byte == .backslash, mark == .quote {
                at = min(at + 2, bytes.count)
            } else if byte == mark, !isLong {
                at += 1
                return true
            } else if byte == mark, bytes[at...].starts(with: [mark, mark, mark]) {
                at += 3
                // Up to two more are the string's own.
                for _ in 0..<2 where self.byte == mark { at += 1 }
                return true
            } else {
                if byte == .lineFeed, !isLong { return false }
                at += 1
            }
        }
        return false
    }
}

extension UInt8 {
    fileprivate static let (tab, lineFeed, carriageReturn): (UInt8, UInt8, UInt8) = (0x09, 0x0A, 0x0D)
    fileprivate static let (space, quote, hash, apostrophe): (UInt8, UInt8, UInt8, UInt8) = (0x20, 0x22, 0x23, 0x27)
    fileprivate static let (dot, equals, backslash): (UInt8, UInt8, UInt8) = (0x2E, 0x3D, 0x5C)
    fileprivate static let (openBracket, closeBracket): (UInt8, UInt8) = (0x5B, 0x5D)
    fileprivate static let (openBrace, closeBrace): (UInt8, UInt8) = (0x7B, 0x7D)
}
