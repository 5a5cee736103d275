import BlockStore
import Vendors

/// What is said of vendors' tables, listings and files.
extension ErrorReport {
    static func describe(_ error: VendorsError) -> (Int32, String) {
        switch error {
        case .table: (ExitStatus.configuration, "\(error)")
        case .noSuchSystem: (ExitStatus.notFound, "\(error)")
        case .gone(let system, _, _):
            (ExitStatus.unavailable, "\(error). 'oscircular list vendors/\(system)' shows what it offers")
        case .transient(let system, _, _):
            (ExitStatus.unavailable, "\(system): \(error). Check the network, and try again later")
        case .structural(let system, _, _):
            (
                ExitStatus.unavailable,
                "\(system): \(error). The vendor may have changed its server: "
                    + "'oscircular vendors check \(system)' says what is there now, and its file of the table needs a change"
            )
        case .unverified(let system, _, _): (ExitStatus.malformed, "\(system) is refused: \(error)")
        case .cannotVerify(let system, _, _):
            (ExitStatus.unavailable, "\(system) could not be verified: \(error)")
        case .noVerifier(let system, _): (ExitStatus.unavailable, "\(system) cannot be verified: \(error)")
        case .state: (ExitStatus.cannotWrite, "\(error)")
        }
    }

    static func describe(_ error: PieceLedgerError) -> (Int32, String) {
        if case .file(let cause) = error { return describe(cause) }
        return (ExitStatus.malformed, "\(error)")
    }
}
