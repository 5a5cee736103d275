import ArgumentParser
import Boot
import Linux

/// `oscircular stop ID`.
struct StopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Ask a guest to shut down; force it off if it does not.")

    @Argument(help: "The session, as 'oscircular sessions' shows it.") var id: String
    @Flag(help: "Power off at once.") var force = false

    /// How long a guest may take before its user hears of another way.
    private static let patience = Duration.seconds(10)

    func run() async throws {
        let context = try CommandContext.load()
        let registry = context.registry
        // A session that is not found is reported below, by the command itself.
        let session = try? registry.directory(of: id)
        if session == nil, try await giveUpSuspended(context) { return }
        do {
            _ = try await registry.send(force ? .force : .stop, to: id, patience: force ? .seconds(2) : .zero)
        } catch BootError.sessionSilent where force {
            // One that has ended in the meantime need not be forced.
            if session?.isAlive != false { return try await kill(session, registry) }
        }
        // It is over when nobody holds the session's lock any more.
        let began = ContinuousClock.now
        var isTold = force
        while let session, session.isAlive {
            if !isTold, ContinuousClock.now - began >= StopCommand.patience {
                isTold = true
                Terminal.note(
                    "the guest is still shutting down; 'oscircular stop --force \(session.id)' powers it off at once")
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        // The lock is removed a moment before its folder; the folder of a session that was killed stays, with its lock.
        for _ in 0..<40 {
            guard let session, try Paths.isThere(session.path), try !Paths.isThere(session.lock) else { return }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// What is suspended does not run: by force it is thrown away.
    /// - Returns: false where the session is not a suspended one.
    private func giveUpSuspended(_ context: CommandContext) async throws -> Bool {
        let (library, id, force) = (SuspendedLibrary(places: context.places), id, force)
        // Another session's id is reported by the command itself.
        guard let found = try? library.id(id) else { return false }
        // A beginning that guests which run have as well is none of one guest: the command itself says so.
        if found != id, context.registry.ids().contains(where: { $0.hasPrefix(id) }) { return false }
        guard force else {
            throw SessionFailure(
                exitCode: ErrorReport.ExitStatus.tryAgain,
                message:
                    "session \(found) is suspended: 'oscircular resume \(found)' goes on with it, and then it can be shut down; "
                    + "'oscircular stop --force \(found)' gives it up with all that was not kept")
        }
        let cache = context.cache()
        try await WorkerThread.run(name: "suspended") { try library.forget(found, cache: cache) }
        return true
    }

    /// For a session that does not answer: the end of its process ends its guest.
    private func kill(_ session: SessionDirectory?, _ registry: SessionRegistry) async throws {
        guard let session, let pid = try await WorkerThread.run(name: "kill", { registry.kill(session) }) else {
            throw BootError.sessionSilent(id, pid: nil)
        }
        if try Paths.isThere(session.path) {
            throw SessionFailure(
                exitCode: 75,
                message:
                    "session \(session.id) did not answer, and its process \(pid) was killed; what it had mounted is "
                    + "still in use. Run 'oscircular sessions' later to clear it")
        }
        Terminal.note("Session \(session.id) did not answer: its process \(pid) was killed, and its guest with it.")
    }
}
