/// What a session does in the background while its guest runs.
extension SessionRun {
    /// In the background while the guest runs: notes that it ran, records what its boot reads, then fetches the rest.
    /// - Parameters:
    ///   - isSoonGone: whether the servers have the image only for days.
    ///   - isKept: whether it is a machine's base, which is fetched whatever the settings say.
    ///   - boots: whether what it reads is what a start reads: not of a guest that goes on.
    ///   - check: called when nothing more is fetched ahead, with what fetches again what is missing still.
    func followBoot(
        _ guest: SessionGuest, _ ahead: SessionPrefetch, _ bootSet: Task<Void, Never>, _ teardown: Teardown,
        isSoonGone: Bool, isKept: Bool, boots: Bool,
        then check: @escaping @Sendable (_ fetchRest: () async -> Void) async -> Void
    ) async {
        // Without the note the menu just does not mark this version as the last one that ran.
        try? RunHistory(places: places).note(ahead.key)
        var settings = configuration
        // A machine needs its base whatever is set for others.
        if isKept { settings.prefetchRest = request.fetchesBase == true ? "always" : "auto" }
        if request.isTrial == true { settings.prefetchRest = "never" }
        let configuration = settings
        let following = Task {
            let fetchesRest = await configuration.fetchesRest()
            await bootSet.value
            if isKept, !fetchesRest {
                note("the rest of the machine's base is not fetched: this connection is paid by the byte\n")
            }
            await ahead.followBoot(
                fetchesRest: fetchesRest, isSoonGone: isSoonGone, records: boots, cpuSeconds: guest.cpuSeconds)
            await check { if fetchesRest { await ahead.fetchRest() } }
        }
        // What it finds out about the file is acted on by the steps before.
        await teardown.addEnd(of: following)
    }
}
