/// What TOMLKit's parser must not see: it ends the process at a table's header such as `[;read]` and in an array such as `[}`,
/// where it should refuse them.
package enum TOMLHeaders {
    /// The number of the first line that looks like a header and does not begin with a key, or has a bracket that closes another
    /// kind; the first is 1.
    ///
    /// A line inside of a value may look like a header too. No setting of ours has values of several lines.
    package static func malformedLine(in text: String) -> Int? {
        let lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
        let header = lines.firstIndex { !isSafe($0) }.map { $0 + 1 }
        guard let bracket = lineOfWrongBracket(in: Array(text.unicodeScalars)) else { return header }
        return min(bracket, header ?? bracket)
    }

    /// The line of the first closing bracket of another kind than the last that is open, or of a line break that TOML does not know;
    /// neither in strings nor in comments.
    private static func lineOfWrongBracket(in text: [Unicode.Scalar]) -> Int? {
        var open: [Unicode.Scalar] = []
        var line = 1
        var position = 0
        // What ends the string or comment that we are in.
        var end: [Unicode.Scalar] = []
        while position < text.count {
            let scalar = text[position]
            if scalar == "\n" { line += 1 }
            if !end.isEmpty {
                if end.first == "\"", scalar == "\\" {
                    // An escaped line break is one all the same.
                    if position + 1 < text.count, text[position + 1] == "\n" { line += 1 }
                    position += 2
                } else if text[position...].starts(with: end) || end.count == 1 && scalar == "\n" {
                    position += scalar == "\n" ? 1 : end.count
                    end = []
                } else {
                    position += 1
                }
                continue
            }
            switch scalar {
            case "\"", "'":
                let triple = [Unicode.Scalar](repeating: scalar, count: 3)
                end = text[position...].starts(with: triple) ? triple : [scalar]
                position += end.count - 1
            case "#": end = ["\n"]
            case "[", "{": open.append(scalar)
            case "]", "}":
                guard let last = open.popLast() else { break }
                if last != (scalar == "]" ? "[" : "{") { return line }
            case "\u{85}", "\u{2028}", "\u{2029}": return line
            default: break
            }
            position += 1
        }
        return nil
    }

    private static func isSafe(_ line: Substring.UnicodeScalarView) -> Bool {
        var rest = line.drop { $0 == "\u{FEFF}" || isBlank($0) }
        guard rest.first == "[" else { return true }
        rest = rest.dropFirst().drop(while: isBlank)
        if rest.first == "[" { rest = rest.dropFirst().drop(while: isBlank) }
        // A closing bracket is refused by the parser itself.
        guard let first = rest.first, first.isASCII else { return false }
        return first.properties.isAlphabetic || first.properties.numericType != nil
            || "]\"'-_".unicodeScalars.contains(first)
    }

    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool { scalar == " " || scalar == "\t" }
}
