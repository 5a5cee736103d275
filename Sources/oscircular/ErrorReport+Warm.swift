import Boot

/// The messages for what goes wrong with warm states.
extension ErrorReport {
    static func describe(_ error: PublishedStateError) -> (Int32, String) {
        switch error {
        case .record(let reason):
            (
                ExitStatus.malformed,
                "the record of the published warm state is not used: \(reason). The guest can be booted"
            )
        case .damaged(let reason):
            (ExitStatus.malformed, "the published warm state is not used: \(reason). The guest can be booted")
        case .secret(let what):
            (
                ExitStatus.malformed,
                "the warm state cannot be published: it has \(what), which everybody could read. Make sure that the image makes no keys "
                    + "before somebody logs in, and has none"
            )
        case .notPortable(let reason):
            (ExitStatus.unavailable, "the warm state cannot be published: \(reason)")
        }
    }

    static func describe(_ error: WarmError) -> (Int32, String) {
        switch error {
        case .misfit(let reason):
            (ExitStatus.unavailable, "the warm state is not used: \(reason). The guest can be booted")
        case .notMade(let reason): (ExitStatus.unavailable, "this version \(reason)")
        case .failed(let reason):
            (
                ExitStatus.unavailable,
                "the warm state was not made: \(reason). Nothing of it is left, and guests of this version boot as ever"
            )
        case .givenUp(let reason):
            (ExitStatus.tryAgain, "the warm state was not made now: \(reason). Try again later")
        }
    }
}
