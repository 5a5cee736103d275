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
        case .http(_, let status): status >= 500 || status == 429 || status == 408 || status == 425
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
