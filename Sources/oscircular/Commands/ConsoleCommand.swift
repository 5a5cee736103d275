import ArgumentParser
import Boot
import GuestDomain

/// `oscircular console ID`.
struct ConsoleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "console", abstract: "Open a guest's serial console; Ctrl-] leaves it.")

    @Argument(help: "The session, as 'oscircular sessions' shows it.") var id: String

    func run() async throws {
        let directory = try CommandContext.load().registry.directory(of: id)
        Terminal.note("Connected to \(directory.id). Ctrl-] leaves; the guest goes on.")
        try await ConsoleAttachment.run(directory)
    }
}
