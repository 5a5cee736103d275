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

extension RepositoryError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .alreadyThere(let path): "there is a repository in \(path) already"
        case .notARepository(let path): "there is no repository in \(path)"
        case .damaged(let file, let fault): "\(file) is damaged: \(fault)"
        case .file(let error): "\(error)"
        case .busy: "another process changes the repository"
        case .waiting(let roles): "a change of \(roles.joined(separator: ", ")) waits for signatures"
        case .missingSignatures(let role, let count):
            "\(role) has \(count.valid) of the \(count.threshold) signatures that it needs"
        case .noSuchRole(let role): "nobody delegates to a role \(role.debugDescription)"
        case .roleExists(let role): "there is a role \(role.debugDescription) already"
        case .unsafeName(let name): "the name \(name.debugDescription) is not safe"
        case .unreachableThreshold(let role): "\(role) has fewer different keys than must sign"
        case .signing(let cause): "a key did not sign: \(cause)"
        }
    }
}
