import Glibc
import Linux
import TUF

extension PublisherError {
    /// What went wrong with a tree's signed metadata.
    init(_ error: RepositoryError, tree: String) {
        switch error {
        case .file(let cause): self = .unwritable(cause)
        case .busy: self = .busy(path: tree)
        case .notARepository: self = .notATree(path: tree, reason: "it is not signed: it has no metadata")
        case .missingSignatures(let role, _): self = .keyMissing(roles: [role])
        case .waiting(let roles): self = .keyMissing(roles: roles)
        case .signing(let cause):
            if let own = cause as? PublisherError { self = own } else { self = .metadata(reason: "\(cause)") }
        case .damaged, .missing: self = .metadata(reason: error.description)
        case .alreadyThere, .noSuchRole, .roleExists, .unsafeName, .unreachableThreshold, .tooLong:
            self = .refused(reason: error.description)
        }
    }
}
