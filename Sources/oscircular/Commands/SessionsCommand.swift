import ArgumentParser
import Boot
import Linux

/// `oscircular sessions`.
struct SessionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "sessions", abstract: "Show the running guests.")

    @Flag(help: "One JSON object.") var json = false

    func run() async throws {
        let context = try CommandContext.load()
        let registry = context.registry
        try await WorkerThread.run(name: "stale") { registry.clearStale() }
        let sessions = await context.registry.statuses()
        if json { return try JSONOutput.print(SessionList(sessions: sessions)) }
        if sessions.isEmpty { return Terminal.note("No guest is running.") }
        for session in sessions {
            let fetched = ByteCount.text(session.bytesFetched)
            Terminal.print(
                "\(session.id)  \(session.distribution)@\(session.version)  \(session.state.rawValue)  since "
                    + "\(session.started)  \(fetched) fetched, \(session.blocksHere) of \(session.blocks) blocks here")
        }
    }
}
