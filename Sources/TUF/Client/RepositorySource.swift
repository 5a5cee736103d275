/// Where a repository's files come from: a server, a folder, a mirror. It needs no trust.
package protocol RepositorySource: Sendable {
    /// The bytes of a file.
    /// - Parameters:
    ///   - path: relative to the source's base, such as `3.snapshot.json`, percent-encoded where a URL needs it.
    ///   - maximumLength: reading stops behind so many bytes.
    func fetch(_ path: String, maximumLength: Int) async throws(RepositorySourceError) -> [UInt8]
}
