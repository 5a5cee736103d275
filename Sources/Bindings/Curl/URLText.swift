import Formats

/// What can be told from a URL's text.
package enum URLText {
    /// Whether a URL names a file, or a server on the loopback interface.
    package static func isOfThisMachine(_ url: String) -> Bool {
        let parts = url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[1].isEmpty else { return false }
        switch parts[0].lowercased() {
        case "file:": return parts[2].isEmpty || parts[2].lowercased() == "localhost"
        case "http:", "https:": break
        default: return false
        }
        var host = parts[2]
        // Credentials in a URL end at the last @ before the path.
        if let at = host.lastIndex(of: "@") { host = host[host.index(after: at)...] }
        if host.hasPrefix("[") { return host == "[::1]" || host.hasPrefix("[::1]:") }
        host = host.prefix { $0 != ":" }
        if host.lowercased() == "localhost" { return true }
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4 && numbers[0] == "127"
            && numbers.allSatisfy { !$0.hasPrefix("+") && UInt8($0) != nil }
    }

    /// The URL without user name and password, which stand between `//` and `@`.
    package static func withoutCredentials(_ url: String) -> String {
        guard let scheme = url.firstRange(of: "://") else { return url }
        let rest = url[scheme.upperBound...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard let at = authority.lastIndex(of: "@") else { return url }
        return String(url[..<scheme.upperBound] + rest[rest.index(after: at)...])
    }

    /// The URL up to its query or fragment.
    package static func withoutQuery(_ url: String) -> String { String(url.prefix { $0 != "?" && $0 != "#" }) }

    /// What of a URL may be told to everybody: scheme, server and path. A query may be a signature or a token, as a password is.
    package static func `public`(_ url: String) -> String { withoutQuery(withoutCredentials(url)) }

    /// Name and port of a URL's server in lower-case letters, the port only where it is not the scheme's own; nil for files and for what
    /// is not a URL.
    package static func server(of url: String) -> String? {
        guard let scheme = url.firstRange(of: "://") else { return nil }
        let standard: String
        switch url[..<scheme.lowerBound].lowercased() {
        case "https": standard = ":443"
        case "http": standard = ":80"
        default: return nil
        }
        var server = url[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }.lowercased()
        if let at = server.lastIndex(of: "@") { server = String(server[server.index(after: at)...]) }
        if server.hasSuffix(standard) { server = String(server.dropLast(standard.count)) }
        return server.isEmpty ? nil : server
    }

    /// The file: URL of an absolute path.
    package static func file(_ path: String) -> String {
        // What is neither a letter, a digit nor one of these means something in some URL.
        "file://" + PercentEncoding.encode(path, keeping: .unreserved + "/")
    }

    /// The path that a file: URL names; nil for other URLs and other machines' files.
    package static func path(ofFile url: String) -> String? {
        guard url.lowercased().hasPrefix("file://"), isOfThisMachine(url) else { return nil }
        let path = url.utf8.dropFirst("file://".utf8.count).drop { $0 != UInt8(ascii: "/") }
        return PercentEncoding.decode(path).flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// A text with its `%XX` replaced by what they stand for; nil for what is not such a text, or not UTF-8 then.
    package static func decoded(_ text: String) -> String? { PercentEncoding.decodeText(text) }
}

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
        // What is not text when it is decoded stays as it is written.
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
