/// Why a source gave no bytes.
package enum RepositorySourceError: Error, Sendable {
    /// There is no such file; the source answered.
    case notFound
    /// The file has more bytes than allowed.
    case tooLong
    /// Every place that gave something gave other bytes than were asked for.
    case damaged(UntrustedReason)
    /// No answer, or another than the file.
    case unreachable(cause: any Error)
    /// The task was cancelled.
    case cancelled
}

extension RepositorySourceError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notFound: "there is no such file"
        case .tooLong: "it is longer than it may be"
        case .damaged(let reason): "\(reason)"
        case .unreachable(let cause): "\(cause)"
        case .cancelled: "cancelled"
        }
    }
}
