import Boot

/// The messages for what goes wrong with warm states.
extension ErrorReport {
    static func describe(_ error: WarmError) -> (Int32, String) {
        switch error {
        case .misfit(let reason):
            (ExitStatus.unavailable, "the warm state is not used: \(reason). The guest can be booted")
        case .notMade(let reason): (ExitStatus.unavailable, "this version \(reason)")
        case .failed(let reason):
            (
                ExitStatus.unavailable,
                "the warm state was not made: \(reason). Nothing of it is left, and guests of this version boot as ever; what the guest "
                    + "said is in the log of the session"
            )
        case .givenUp(let reason):
            (ExitStatus.tryAgain, "the warm state was not made now: \(reason). Try again later")
        }
    }
}
