import Linux

/// Why there is no newer trusted state, or no target.
package enum TUFError: Error, Sendable {
    /// What came is not trusted: a wrong signature, digest or length, or malformed. Nothing of it was kept.
    case untrusted(file: String, UntrustedReason)
    /// The newest metadata of a role must not be used any more. A clock that runs ahead looks the same.
    case expired(role: String, since: UTCTime)
    /// An older version was offered than one that was trusted before.
    case rolledBack(file: String, trusted: Int, offered: Int)
    /// The repository does not have a file that it must have.
    case notFound(file: String)
    /// No answer, or one that broke off.
    case unreachable(file: String, cause: any Error)
    /// There is no root metadata to start from.
    case noTrustedRoot
    /// The folder with the trusted metadata cannot be read or written: full, read-only, not permitted.
    case state(SystemCallError)
    /// Another process keeps the folder with the trusted metadata for itself.
    case busy
    /// A name that must not become a path: absolute, with `..`, an encoded slash, a backslash or a NUL.
    case unsafeName(String)
    /// A target longer than the caller allows.
    case targetTooLong(name: String, length: Int, limit: Int)
    /// The task was cancelled.
    case cancelled
}

extension TUFError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .untrusted(let file, let reason): "\(file) is not trusted: \(reason)"
        case .expired(let role, let since): "\(role) expired at \(since)"
        case .rolledBack(let file, let trusted, let offered):
            "\(file) went back from version \(trusted) to \(offered)"
        case .notFound(let file): "\(file) is missing"
        case .unreachable(let file, let cause): "\(file) could not be fetched: \(cause)"
        case .noTrustedRoot: "no trusted root metadata"
        case .state(let error): "the trusted metadata cannot be read or stored: \(error)"
        case .busy: "another process is using the trusted metadata"
        case .unsafeName(let name): "the name \(name.debugDescription) is not safe"
        case .targetTooLong(let name, let length, let limit): "\(name) has \(length) bytes, more than \(limit)"
        case .cancelled: "cancelled"
        }
    }
}
