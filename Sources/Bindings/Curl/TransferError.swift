/// Why a transfer gave no body. URLs are without user name and password.
package enum TransferError: Error, Sendable, Equatable {
    /// The server (or file system) answered that there is no such thing: 404, 410.
    case notFound(url: String)
    /// The server answered with another status from 400 on, and perhaps in how many seconds it may be asked again.
    case http(url: String, status: Int, retryAfter: Int? = nil)
    /// The body is longer than the request allows.
    case tooLarge(url: String, limit: Int)
    /// No answer, or it broke off. `code` is libcurl's CURLcode, `message` its words.
    case connection(url: String, code: Int, message: String)
    /// It can never work this way: a malformed URL, another scheme, a TLS certificate that is not trusted.
    case unsupported(url: String, message: String)
    /// It led where only the user may lead: ``TransferReach``.
    case refused(url: String, message: String)
    /// Cancelled, or the queue was closed.
    case cancelled

    /// Whether the same request may work a little later.
    package var isTransient: Bool {
        switch self {
        case .connection: true
        case .http(_, let status, _): status >= 500 || status == 429 || status == 408 || status == 425
        case .notFound, .tooLarge, .unsupported, .refused, .cancelled: false
        }
    }

    /// Whether the server cannot be found or reached, or keeps silent. A failed write of our own (CURLE_WRITE_ERROR) counts, too:
    /// asking again is of no use.
    package var isAbsence: Bool {
        // CURLE_COULDNT_RESOLVE_PROXY, _RESOLVE_HOST, _CONNECT, CURLE_WRITE_ERROR, CURLE_OPERATION_TIMEDOUT
        if case .connection(_, let code, _) = self { [5, 6, 7, 23, 28].contains(code) } else { false }
    }

    /// Seconds after which the server wants to be asked again; nil when it says nothing.
    package var retryAfter: Int? {
        if case .http(_, _, let seconds) = self { seconds } else { nil }
    }
}

extension TransferError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notFound(let url): "\(url): not found"
        case .http(let url, let status, _): "\(url): the server answered \(status)"
        case .tooLarge(let url, let limit): "\(url): longer than \(limit) bytes"
        case .connection(let url, let code, let message): "\(url): \(message) (curl \(code))"
        case .unsupported(let url, let message), .refused(let url, let message): "\(url): \(message)"
        case .cancelled: "the transfer was cancelled"
        }
    }
}
