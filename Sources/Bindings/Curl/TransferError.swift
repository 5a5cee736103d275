/// Why a transfer gave no body. URLs are without user name and password.
package enum TransferError: Error, Sendable, Equatable {
    /// The server (or file system) answered that there is no such thing: 404, 410.
    case notFound(url: String)
    /// The server answered with another status from 400 on.
    case http(url: String, status: Int)
    /// The body is longer than the request allows.
    case tooLarge(url: String, limit: Int)
    /// No answer, or it broke off. `code` is libcurl's CURLcode, `message` its words.
    case connection(url: String, code: Int, message: String)
    /// It can never work this way: a malformed URL, another scheme, a TLS certificate that is not trusted.
    case unsupported(url: String, message: String)
    /// Cancelled, or the queue was closed.
    case cancelled

    /// Whether the same request may work a little later.
    package var isTransient: Bool {
        switch self {
        case .connection: true
        case .http(_, let status): status >= 500 || status == 429 || status == 408
        case .notFound, .tooLarge, .unsupported, .cancelled: false
        }
    }
}

extension TransferError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notFound(let url): "\(url): not found"
        case .http(let url, let status): "\(url): the server answered \(status)"
        case .tooLarge(let url, let limit): "\(url): longer than \(limit) bytes"
        case .connection(let url, let code, let message): "\(url): \(message) (curl \(code))"
        case .unsupported(let url, let message): "\(url): \(message)"
        case .cancelled: "the transfer was cancelled"
        }
    }
}

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
}
