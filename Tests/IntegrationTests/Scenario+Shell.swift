import Boot
import Glibc
import Linux
import TestSupport

extension Scenario {
    /// Runs a command in a session's guest, by ssh as root, whoever's home the guest has.
    func runAsRoot(
        _ script: String, _ session: SessionStatus
    ) async throws -> (status: Int32, output: String, error: String) {
        let places = Places(environment: { environment[$0] }, user: geteuid(), home: folder.path)
        let arguments = GuestSSH.arguments(
            to: SessionDirectory(id: session.id, places: places), as: "root", program: BuiltProgram.path("oscircular"))
        let result = try await BuiltProgram.runAny("ssh", arguments + [script])
        return (result.status, result.stdout, result.stderr)
    }
}
