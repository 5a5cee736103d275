import ArgumentParser
import Boot
import Glibc

/// `oscircular stop ID`.
struct StopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Ask a guest to shut down; force it when it does not.")

    @Argument(help: "The session, as 'oscircular sessions' shows it.") var id: String
    @Flag(help: "Power off at once.") var force = false

    func run() async throws {
        let registry = try CommandContext.load().registry
        _ = try await registry.send(force ? .force : .stop, to: id)
        let session = try? registry.directory(of: id)
        // Over when nobody holds the session's lock any more.
        while session?.isAlive == true { try await Task.sleep(for: .milliseconds(100)) }
        // The lock goes a moment before its folder; the folder of a session that was killed stays, with its lock.
        for _ in 0..<40 {
            guard let session, access(session.path, F_OK) == 0, access(session.lock, F_OK) != 0 else { return }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
