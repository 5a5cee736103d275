import ArgumentParser
import Boot
import Glibc
import GuestDomain
import Linux
import Synchronization

/// `oscircular console ID`.
struct ConsoleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "console", abstract: "Open a guest's serial console; Ctrl-] leaves it.")

    @Argument(help: "The session, as 'oscircular sessions' shows it.") var id: String

    func run() async throws {
        let directory = try CommandContext.load().registry.directory(of: id)
        Terminal.note("Connected to \(directory.id). Ctrl-] leaves; the guest goes on.")
        let interruption = try EventDescriptor()
        let received = Atomic<Int32>(0)
        Interruption.handle { number in
            received.store(number, ordering: .relaxed)
            interruption.signal()
        }
        let end = try await ConsoleAttachment.run(directory, interruption: interruption)
        Interruption.handle(nil)
        if end == .interrupted { throw ExitCode(128 + received.load(ordering: .relaxed)) }
    }
}
