import Curl

/// Why an object store did not do what it was asked. The case is the policy.
package enum ObjectStoreError: Error, Sendable, Equatable {
    /// There is no such bucket.
    case noSuchBucket(String, message: String)
    /// The store does not know the key, or does not let it do this: wrong, expired, of another bucket's owner, a wrong clock.
    case refused(code: String, message: String)
    /// No answer, or errors, however often it was asked.
    case unreachable(url: String, reason: String)
    /// An answer that cannot be understood: another protocol, malformed XML.
    case malformed(url: String, reason: String)
    /// Another refusal; `code` and `message` are the store's own.
    case failed(status: Int, code: String, message: String)
    case cancelled
}

extension ObjectStoreError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noSuchBucket(let name, let message): "bucket \(name): \(message)"
        case .refused(let code, let message): message.isEmpty ? code : "\(code): \(message)"
        case .unreachable(let url, let reason): "\(url): \(reason)"
        case .malformed(let url, let reason): "\(url): \(reason)"
        case .failed(let status, let code, let message): "\(status) \(code): \(message)"
        case .cancelled: "cancelled"
        }
    }
}
