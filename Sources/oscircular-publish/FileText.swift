import Linux

/// Small text files of the user's.
enum FileText {
    /// - Throws: ``SystemCallError``.
    static func firstLine(of path: String) throws(SystemCallError) -> String {
        let text = try FileContents.readText(path, limit: 65_536)
        return String(text.prefix { !$0.isNewline })
    }
}
