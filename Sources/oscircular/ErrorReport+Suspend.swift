import Boot

/// The messages for what goes wrong with suspended guests.
extension ErrorReport {
    static func describe(_ error: SuspendError) -> (Int32, String) {
        switch error {
        case .noSuch(let id, let ids):
            (
                ExitStatus.notFound,
                "no session '\(id)' is suspended" + (ids.isEmpty ? "" : "; suspended: \(ids.joined(separator: ", "))")
            )
        case .running(let id):
            (
                ExitStatus.tryAgain,
                "session \(id) runs, or is being suspended or resumed now: 'oscircular sessions' shows it"
            )
        case .misfit(let misfit):
            (
                ExitStatus.unavailable,
                "\(misfit.fact). Nothing was lost. 'oscircular resume --cold \(misfit.session)' starts its disk as after a power cut; what "
                    + "was only in its memory is lost then. 'oscircular stop --force \(misfit.session)' gives it up"
            )
        case .damaged(let id, let path, let reason):
            (
                ExitStatus.malformed,
                "session \(id) does not go on: \(path): \(reason). Nothing was removed; put the file back from a backup, start its disk "
                    + "with 'oscircular resume --cold \(id)', or give it up with 'oscircular stop --force \(id)'"
            )
        case .newer(let id, let format):
            (
                ExitStatus.configuration,
                "session \(id) was suspended by a newer oscircular (its format is \(format), this program knows "
                    + "\(SuspendRecord.currentFormat)): use that program"
            )
        case .file(let error): describe(error)
        }
    }
}
