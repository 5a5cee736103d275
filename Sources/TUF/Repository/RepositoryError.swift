import Linux

/// Why a repository was not changed.
package enum RepositoryError: Error, Sendable {
    /// There is a repository in the folder already.
    case alreadyThere(path: String)
    /// There is none.
    case notARepository(path: String)
    /// A metadata file of the repository is not what it should be.
    case damaged(file: String, MetadataFault)
    /// A file cannot be read or written: disk full, read-only, not permitted.
    case file(SystemCallError)
    /// Another process changes the repository.
    case busy
    /// A change waits for signatures; it must be finished or discarded before the next.
    case waiting(roles: [String])
    /// Keys that must be at hand for each change, timestamp and snapshot, did not sign.
    case missingSignatures(role: String, SignatureCount)
    /// A role that nobody delegates to.
    case noSuchRole(String)
    /// A delegated role's name that is taken.
    case roleExists(String)
    /// A name that must not become a path.
    case unsafeName(String)
    /// A role with fewer different keys than must sign, or without any.
    case unreachableThreshold(role: String)
    /// A key, or the device that has it, did not sign.
    case signing(cause: any Error)
}
