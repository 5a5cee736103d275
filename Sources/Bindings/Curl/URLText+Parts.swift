import Formats

/// The parts of a URL that name a file, and what lies beside it.
extension URLText {
    /// Whether a text begins as a URL that a transfer takes: http, https or file, in letters of either case.
    package static func isURL(_ text: String) -> Bool {
        guard let scheme = text.firstRange(of: "://") else { return false }
        return ["http", "https", "file"].contains(text[..<scheme.lowerBound].lowercased())
    }

    /// A URL as a person wrote it, with what no URL holds encoded behind its server's name: spaces, control characters, letters that
    /// are not ASCII.
    package static func encoded(_ url: String) -> String {
        let server = parts(url).server
        let rest = url[server.endIndex...].utf8
        return server
            + rest.map { $0 > 32 && $0 < 127 ? String(UnicodeScalar($0)) : PercentEncoding.escape($0) }.joined()
    }

    /// The URL of something in the folder of what `url` names. Query and fragment are left out: they belong to the one file, as
    /// a signature that lets its holder read it does.
    package static func sibling(_ name: String, of url: String) -> String {
        let (server, path) = parts(url)
        guard let slash = path.lastIndex(of: "/") else { return "\(server)/\(name)" }
        return "\(server)\(path[...slash])\(name)"
    }

    /// The name of the file that a URL names, as its server's file system has it; empty for a folder. A slash or a control character
    /// that was written as an escape becomes `_`.
    package static func fileName(of url: String) -> String {
        let path = parts(url).path
        let last = path.lastIndex(of: "/").map { path[path.index(after: $0)...] } ?? path
        // What is no text when it is decoded stays as it is written.
        let decoded =
            PercentEncoding.decode(last.utf8).flatMap { String(validating: $0, as: UTF8.self) } ?? String(last)
        return plainName(decoded)
    }

    /// A text as a name of a file that harms no folder and no terminal.
    package static func plainName(_ text: String) -> String {
        let isDotted = text == "." || text == ".."
        return String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    let isControl = scalar.properties.generalCategory == .control
                    return scalar == "/" || isControl || isDotted ? "_" : scalar
                }))
    }

    /// Scheme and server, and the path behind them without query and fragment.
    private static func parts(_ url: String) -> (server: Substring, path: Substring) {
        let start = url.firstRange(of: "://")?.upperBound ?? url.startIndex
        let end = url[start...].firstIndex { $0 == "?" || $0 == "#" } ?? url.endIndex
        let path = url[start..<end].firstIndex(of: "/") ?? end
        return (url[..<path], url[path..<end])
    }
}
