import ArgumentParser
import Boot
import Formats
import Linux

/// `oscircular suspend ID`.
struct SuspendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "suspend", abstract: "Save a guest's memory and disk, and end it; 'resume' goes on with it.",
        discussion: """
            Nothing of the guest runs afterwards. Its memory and its disk stay in your state folder until 'oscircular resume' goes on
            with them, also after this machine was restarted.
            """)

    @Argument(help: "The session, as 'oscircular sessions' shows it.") var id: String
    @Flag(help: "Print the suspended guest as one JSON object.") var json = false

    func run() async throws {
        let context = try CommandContext.load()
        let registry = context.registry
        let session = try registry.directory(of: id)
        _ = try await registry.send(.suspend, to: session.id, patience: .seconds(2))
        while session.isAlive {
            // One that does not answer now may be about to end.
            if let suspension = try? await registry.send(.status, to: session.id).status?.suspension {
                if let failure = suspension.failure {
                    Terminal.endProgress()
                    throw SessionFailure(
                        exitCode: ErrorReport.ExitStatus.tryAgain,
                        message: "session \(session.id) was not suspended, and goes on: \(failure)")
                }
                if !json { Terminal.progress("suspending: \(ByteCount.text(suspension.bytes)) of memory written") }
            }
            try await Task.sleep(for: .milliseconds(200))
        }
        Terminal.endProgress()
        let (library, cache) = (SuspendedLibrary(places: context.places), context.cache())
        let status = try await WorkerThread.run(name: "suspended") {
            library.statuses(cache).first { $0.id == session.id }
        }
        guard let status else {
            throw SessionFailure(
                exitCode: 1, message: session.failure ?? "session \(session.id) ended before it was suspended")
        }
        if json { try JSONOutput.print(status) }
        if let failure = SuspendCommand.failure(of: status) { throw failure }
        if json { return }
        let size = ByteCount.text(status.suspended?.memory ?? 0)
        Terminal.print(
            "\(session.id) is suspended (\(size) of memory): 'oscircular resume \(session.id)' goes on with it")
    }

    /// Why a guest is not suspended as it should be, whose session ended before all was saved; nil where it is.
    static func failure(of status: SessionStatus) -> SessionFailure? {
        guard let problem = status.suspended?.problem else { return nil }
        // A machine's disk is its own, and nothing is left of a memory that was not saved.
        let cold = status.machine.map { "machines start \($0)" } ?? "resume --cold \(status.id)"
        let way = status.suspended?.memory == 0 ? cold : "resume \(status.id)"
        return SessionFailure(
            exitCode: ErrorReport.ExitStatus.other,
            message:
                "session \(status.id) ended before it was suspended: \(problem). 'oscircular \(way)' goes on with what is there"
        )
    }
}

/// `oscircular resume ID`.
struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Go on with a suspended guest.",
        discussion: "Without --detach this stays as the guest's viewer, as 'boot' does.")

    @Argument(help: "The session, as 'oscircular sessions' shows it.") var id: String
    @Flag(
        help: "Start its disk instead, as after a power cut: what was only in its memory is lost.") var cold = false
    @Option(help: "'' to go on without the folder of this machine that it had.") var share: String?
    @Flag(help: "Return when the guest runs, and print its session.") var detach = false
    @OptionGroup var opening: OpeningOption
    @Flag(help: "With --detach: print the session as one JSON object.") var json = false

    func validate() throws {
        if json && !detach { throw ValidationError("--json goes with --detach") }
        if let share, !share.isEmpty {
            throw ValidationError(
                "--share can only be '' here: a guest goes on with the folder that it had, or without it")
        }
    }

    func run() async throws {
        let context = try CommandContext.load()
        let (library, id, cold) = (SuspendedLibrary(places: context.places), id, cold)
        var request = try await WorkerThread.run(name: "suspended") {
            try library.request(try library.id(id), cold ? .cold : .memory)
        }
        if share != nil { request = request.withoutShare }
        let usual: BootRequest.Display = detach ? .none : request.display == .window ? .window : .console
        let start = SessionStart(context: context, detach: detach, json: json, opens: opening.display ?? usual)
        try await start.run(request)
    }
}
