import Linux

/// Small text files of the user's.
enum FileText {
    /// Without its end, be that LF or CRLF, and without the mark that some editors put before UTF-8.
    /// - Throws: ``SystemCallError``.
    static func firstLine(of path: String) throws(SystemCallError) -> String {
        var text = try FileContents.readText(path, limit: 65_536)
        if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
        return String(text.prefix { !$0.isNewline })
    }
}
