import ArgumentParser
import Boot

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
    }
}
