import BlockStore
import Boot
import Curl
import Vendors

/// What is said of vendors' tables, listings and files.
extension ErrorReport {
    static func describe(_ error: VendorsError) -> (Int32, String) {
        switch error {
        case .table, .catalogsTable: (ExitStatus.configuration, "\(error)")
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

    /// A name that means nothing, and what may be the reason.
    static func describe(_ error: NotFoundError) -> (Int32, String) {
        let (code, cause) = describe(error.cause)
        var text = cause
        if let other = error.other { text += ". A vendor offers it, too: \(other)" }
        for fault in error.faults { text += ". The table of vendors is not whole: \(fault)" }
        return (code, text)
    }

    static func describe(_ file: PackedFile) -> (Int32, String) {
        let why =
            file.packing.map { "its vendor offers it only packed as \($0), which is not unpacked here" }
            ?? "it is not unpacked here"
        let place = file.url.isEmpty ? "" : " from \(URLText.public(file.url))"
        return (
            ExitStatus.unavailable,
            "\(file.system) cannot be booted from its vendor's server: \(why). Download it\(place) and publish it in a catalog of your "
                + "own with oscircular-publish(1), which unpacks it"
        )
    }
}
