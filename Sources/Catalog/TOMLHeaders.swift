/// What TOMLKit's parser must not see: it ends the process at a table's header such as `[;read]`, where it should refuse it.
package enum TOMLHeaders {
    /// The number of the first line that looks like a header and does not begin with a key; the first is 1.
    ///
    /// A line inside of a value may look so too. No setting of ours has values of several lines.
    package static func malformedLine(in text: String) -> Int? {
        let lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.firstIndex { !isSafe($0) }.map { $0 + 1 }
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
