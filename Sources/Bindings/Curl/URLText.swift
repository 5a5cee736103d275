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

    /// Name and port of a URL's server in small letters, the port only where it is not the scheme's own; nil for files and for what
    /// is no URL.
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

    /// A text with its `%XX` replaced by what they stand for; nil for what is no such text, or not UTF-8 then.
    package static func decoded(_ text: String) -> String? { PercentEncoding.decodeText(text) }
}
