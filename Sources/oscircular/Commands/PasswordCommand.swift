import ArgumentParser
import Boot

/// `oscircular password ID`.
struct PasswordCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "password", abstract: "Print the password that was made for a guest's console.")

    @Argument(help: "The session, as 'oscircular sessions' shows it.") var id: String

    func run() async throws {
        let directory = try CommandContext.load().session(id)
        guard let password = try directory.consolePassword() else {
            throw SessionFailure(
                exitCode: ErrorReport.ExitStatus.notFound,
                message: "no password was made for \(directory.id): its system asks for none at its first boot")
        }
        Terminal.note("user \(directory.loginUser), password:")
        Terminal.print(password)
    }
}
