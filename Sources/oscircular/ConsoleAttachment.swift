import Boot
import Glibc
import GuestDomain
import Linux

/// The serial console of a session in this terminal.
enum ConsoleAttachment {
    /// Returns when the user leaves with Ctrl-], or the guest ends.
    /// - Returns: whether the user left, so that the guest goes on.
    @discardableResult
    static func run(_ directory: SessionDirectory) async throws -> Bool {
        let path = directory.console
        return try await WorkerThread.run(name: "console") { try ConsoleViewer.run(socketPath: path) == .left }
    }
}
