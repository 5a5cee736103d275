import ArgumentParser
import Boot
import GuestDomain
import Linux
import Synchronization

/// `oscircular console ID`.
struct ConsoleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "console", abstract: "Open a guest's serial console; Ctrl-] leaves it.")

    @Argument(help: "The session, as 'oscircular sessions' shows it.") var id: String

    func run() async throws {
        let directory = try CommandContext.load().session(id)
        Terminal.note("Connected to \(directory.id). Ctrl-] leaves; the guest keeps running.")
        // Where it cannot be read, 'oscircular password' says why.
        if (try? directory.consolePassword()) != nil {
            Terminal.note(
                "Log in as \(directory.loginUser); 'oscircular password \(directory.id)' shows the password.")
        }
        let interruption = try EventDescriptor()
        let received = Atomic<Int32>(0)
        Interruption.handle { signal in
            received.store(signal.exitCode, ordering: .relaxed)
            interruption.signal()
        }
        let end = try await ConsoleAttachment.run(directory, interruption: interruption)
        Interruption.handle(nil)
        if end == .interrupted { throw ExitCode(received.load(ordering: .relaxed)) }
    }
}

/// The serial console of a session in this terminal.
enum ConsoleAttachment {
    /// Returns when the user leaves with Ctrl-], or the guest ends.
    /// - Parameter interruption: ends it when it is signalled, with the terminal as it was.
    @discardableResult
    static func run(
        _ directory: SessionDirectory, interruption: EventDescriptor? = nil
    ) async throws -> ConsoleViewer.End {
        let path = directory.console
        return try await WorkerThread.run(name: "console") {
            try ConsoleViewer.run(socketPath: path, interruption: interruption)
        }
    }
}
