import Boot
import Glibc
import GuestDomain
import Linux

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
