/// The text of a configuration file in which one table is changed, and everything else, comments included, stays as it is.
struct SettingsText {
    private let bytes: [UInt8]
    private let statements: [SettingsStatements.Statement]
    /// As the file has them.
    private let lineBreak: [UInt8]

    /// - Returns: nil for a text that is not understood.
    init?(_ bytes: [UInt8]) {
        guard let statements = SettingsStatements.read(bytes) else { return nil }
        (self.bytes, self.statements) = (bytes, statements)
        lineBreak = bytes.firstRange(of: Array("\r\n".utf8)) == nil ? [0x0A] : [0x0D, 0x0A]
    }

    /// One setting of the table: its key and its value as the file has it; nil for one that is not set.
    struct Setting {
        let key: String
        let literal: String?
    }

    /// The text with other settings in a table.
    /// - Parameters:
    ///   - table: the table's key.
    ///   - settings: all that the table can have; what is not set is taken out.
    ///   - isChanged: whether a key's value is another than the file has.
    /// - Returns: nil where the table is part of an inline table, which cannot be changed without changing others.
    func setting(_ table: [String], _ settings: [Setting], isChanged: (String) -> Bool) -> [UInt8]? {
        var edits: [(range: Range<Int>, new: [UInt8])] = []
        var added: [Setting] = []
        for statement in statements {
            guard case .pair(let value) = statement.kind, table.starts(with: statement.path) else { continue }
            guard statement.path == table else { return nil }
            let pairs = settings.compactMap { setting in setting.literal.map { "\(setting.key) = \($0)" } }
            let inline = pairs.isEmpty ? "{}" : "{ \(pairs.joined(separator: ", ")) }"
            return applied([(value, Array(inline.utf8))])
        }
        for setting in settings where isChanged(setting.key) {
            let known = statements.first { statement in
                if case .pair = statement.kind { statement.path == table + [setting.key] } else { false }
            }
            guard let known, case .pair(let value) = known.kind else {
                if setting.literal != nil { added.append(setting) }
                continue
            }
            if let literal = setting.literal {
                edits.append((value, Array(literal.utf8)))
            } else {
                edits.append((removed(known), []))
            }
        }
        if !added.isEmpty { edits.append(addition(of: added, to: table)) }
        return applied(edits)
    }

    private func applied(_ edits: [(range: Range<Int>, new: [UInt8])]) -> [UInt8] {
        var result = bytes
        for edit in edits.sorted(by: { $0.range.lowerBound > $1.range.lowerBound }) {
            result.replaceSubrange(edit.range, with: edit.new)
        }
        return result
    }

    /// What goes with a setting: its lines, unless a comment stands there too.
    private func removed(_ statement: SettingsStatements.Statement) -> Range<Int> {
        let rest = bytes[statement.text.upperBound..<statement.lines.upperBound]
        guard let comment = rest.firstIndex(of: UInt8(ascii: "#")) else { return statement.lines }
        return statement.text.lowerBound..<comment
    }

    // MARK: Adding

    private func addition(of settings: [Setting], to table: [String]) -> (range: Range<Int>, new: [UInt8]) {
        let members = statements.filter { statement in
            if case .pair = statement.kind { statement.path.dropLast() == table[...] } else { false }
        }
        let header = statements.last { statement in
            if case .header(isArray: false) = statement.kind { statement.path == table } else { false }
        }
        guard let last = members.last ?? header else { return section(settings, table) }
        // The table's own name stands before the keys where it has no header.
        let names = last.written > 1 && header == nil ? last.path.suffix(last.written).dropLast() : []
        let prefix = names.map { SettingsText.quoted($0) + "." }.joined()
        let indent = bytes[last.lines.lowerBound..<last.text.lowerBound].filter { $0 == 0x20 || $0 == 0x09 }
        let lines = settings.map { indent + line(prefix, $0) }.joined()
        let place = last.lines.upperBound
        return (place..<place, lineEnd(before: place) + Array(lines))
    }

    /// A section of its own at the file's end.
    private func section(_ settings: [Setting], _ table: [String]) -> (range: Range<Int>, new: [UInt8]) {
        let end = bytes.count
        let isFirst = bytes.allSatisfy { $0 == 0xEF || $0 == 0xBB || $0 == 0xBF }
        let gap = isFirst ? [] : lineEnd(before: end) + lineBreak
        let name = table.map(SettingsText.quoted).joined(separator: ".")
        return (end..<end, gap + Array("[\(name)]".utf8) + lineBreak + Array(settings.map { line("", $0) }.joined()))
    }

    private func line(_ prefix: String, _ setting: Setting) -> [UInt8] {
        Array("\(prefix)\(setting.key) = \(setting.literal ?? "")".utf8) + lineBreak
    }

    /// A line break where the last line before a place has none.
    private func lineEnd(before place: Int) -> [UInt8] { place == 0 || bytes[place - 1] == 0x0A ? [] : lineBreak }

    /// A part of a key; none that is written here has a quote or a backslash.
    private static func quoted(_ part: String) -> String {
        part.utf8.allSatisfy(SettingsStatements.isBare) && !part.isEmpty ? part : "\"\(part)\""
    }
}
