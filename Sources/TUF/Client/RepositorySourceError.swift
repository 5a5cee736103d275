/// Why a source gave no bytes.
package enum RepositorySourceError: Error, Sendable {
    /// There is no such file; the source answered.
    case notFound
    /// The file has more bytes than allowed.
    case tooLong
    /// No answer, or another than the file.
    case unreachable(cause: any Error)
    /// The task was cancelled.
    case cancelled
}
