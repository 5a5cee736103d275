import Linux

/// Why a repository was not changed.
package enum RepositoryError: Error, Sendable {
    /// There is a repository in the folder already.
    case alreadyThere(path: String)
    /// There is none.
    case notARepository(path: String)
    /// A metadata file that another one names is not there.
    case missing(file: String)
    /// What a role would sign is longer than clients take.
    case tooLong(role: String, length: Int, limit: Int)
    /// A metadata file of the repository is not what it should be.
    case damaged(file: String, MetadataFault)
    /// A file cannot be read or written: disk full, read-only, not permitted.
    case file(SystemCallError)
    /// Another process changes the repository.
    case busy
    /// A change waits for signatures; it must be finished or discarded before the next.
    case waiting(roles: [String])
    /// Too few keys of timestamp or snapshot signed to renew them; nothing waits.
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
        case .alreadyThere(let path): "\(path) is already signed"
        case .notARepository(let path): "\(path) is not signed: it has no metadata"
        case .missing(let file): "\(file) is missing"
        case .damaged(let file, let fault): "\(file) is damaged: \(fault)"
        case .tooLong(let role, let length, let limit):
            "what \(role) signs would have \(length) bytes, and readers accept at most \(limit)"
        case .file(let error): "\(error)"
        case .busy: "another program is working on it"
        case .waiting(let roles): "a change waits for signatures of \(roles.joined(separator: ", "))"
        case .missingSignatures(let role, let count):
            "\(count.valid) keys of \(role) signed, but \(count.threshold) are needed"
        case .noSuchRole(let role): "there is no role \(role)"
        case .roleExists(let role): "\(role) already has a key of its own"
        case .unsafeName(let name): "the name \(name.debugDescription) cannot be used"
        case .unreachableThreshold(let role): "\(role) would have fewer keys than must sign"
        case .signing(let cause): "a key did not sign: \(cause)"
        }
    }
}
