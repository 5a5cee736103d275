/// Where a repository's files come from: a server, a folder, a mirror. It needs no trust.
package protocol RepositorySource: Sendable {
    /// The bytes of a file.
    /// - Parameters:
    ///   - path: relative to the source's base, such as `3.snapshot.json`, percent-encoded where a URL needs it.
    ///   - maximumLength: reading stops behind so many bytes.
    func fetch(_ path: String, maximumLength: Int) async throws(RepositorySourceError) -> [UInt8]
}

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
