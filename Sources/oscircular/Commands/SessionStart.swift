import ArgumentParser
import Boot
import Formats
import Linux
import Vendors

/// Starts a session for a command, shows its start, and follows it unless it is detached.
struct SessionStart {
    let context: CommandContext
    /// Whether the command ends when the guest runs, and prints its session.
    let detach: Bool
    let json: Bool

    /// - Throws: what the session's start, or its end, failed with.
    func run(_ request: BootRequest) async throws {
        let registry = context.registry
        try await WorkerThread.run(name: "stale") {
            registry.clearStale()
            registry.trimLogs()
        }
        var request = request
        request.fetchesBase = try await fetchesBase(request)
        var report = try await start(request)
        if let change = report.tableChange {
            try answer(change)
            request.id = SessionID.random()
            report = try await start(request)
        }
        if let boot = report.unverified, try isAllowed(boot) {
            // A session's name is used once.
            request.id = SessionID.random()
            report = try await start(request)
        }
        if let boot = report.keepsUnverified, isConfirmed(boot.keepingQuestion) {
            (request.id, request.keepsUnverified) = (SessionID.random(), true)
            report = try await start(request)
        }
        if let failure = report.failure { throw failure }
        guard let last = report.status else { throw BootError.sessionSilent(request.id, pid: nil) }
        for note in report.notes ?? [] { Terminal.note(Terminal.clean(note)) }
        let directory = SessionDirectory(id: request.id, places: context.places)
        if detach {
            Interruption.handle(nil)
            return json ? try JSONOutput.print(last) : Terminal.print(last.id)
        }
        try await SessionViewer(directory: directory, registry: registry, display: request.display).run()
    }

    /// Starts a session and shows its start.
    private func start(_ request: BootRequest) async throws -> StartReport {
        let registry = context.registry
        Interruption.handle { signal in
            // While the guest starts: the session cleans up, ends, and reports that it was interrupted. One that has no socket
            // yet hears it when it has; one that never does is stuck, and the next signal is another try.
            if signal != .hangUp { Task { try? await registry.send(.stop, to: request.id, patience: .seconds(5)) } }
        }
        let launcher = SessionLauncher(places: context.places, program: CommandContext.program)
        let following = Task { [json] in
            var progress = StartProgress()
            if !json { await progress.follow(request.id, registry) }
            return progress
        }
        let report: StartReport
        do { report = try await launcher.start(request) } catch {
            following.cancel()
            throw error
        }
        following.cancel()
        var progress = await following.value
        // What passed too quickly to be seen is told as well.
        if !json, let status = report.status { progress.show(status) }
        progress.end()
        return report
    }

    /// Asks the user, where there is one, and keeps a yes.
    private func isAllowed(_ boot: UnverifiedBoot) throws -> Bool {
        guard isConfirmed(boot.question) else { return false }
        try UnverifiedBoots(places: context.places, settings: context.configuration.vendors).allow(boot)
        return true
    }

    /// Asks the user about a change of the table, and keeps what he says: he is asked once.
    private func answer(_ change: TableChange) throws {
        let isAllowed = isConfirmed(change.question)
        try TableAnswers(places: context.places).keep(change, isAllowed: isAllowed)
    }

    /// Whether there is a user who says yes.
    private func isConfirmed(_ question: String) -> Bool {
        guard Confirmation.isPossible else { return false }
        Interruption.handle(nil)
        return Confirmation.ask(Terminal.clean(question))
    }

    /// Whether all of a new machine's base is fetched although that costs money; nil where nobody needs to be asked.
    private func fetchesBase(_ request: BootRequest) async throws -> Bool? {
        guard case .new(let name) = request.machine,
            try await WorkerThread.run(name: "metered", MeteredNetwork.isMetered)
        else { return nil }
        if isConfirmed(
            "This connection is paid by the byte. Fetch all of the base of the machine \(name) now all the same?")
        {
            return true
        }
        Terminal.note(
            "The rest of its base is not fetched over this connection; 'oscircular machines' says how much of it is here."
        )
        return false
    }
}

extension UnverifiedBoot {
    /// The question whether a machine may be made of the version already.
    var keepingQuestion: String {
        "\(fact.prefix(1).uppercased())\(fact.dropFirst()). If it turns out wrong, the machine made of it is lost. Keep it all the same?"
    }
}

/// A size of a disk on the command line.
enum DiskSizeArgument {
    /// - Parameter option: its name, for errors.
    /// - Returns: bytes; nil where nothing was given.
    /// - Throws: `ValidationError`.
    static func bytes(_ text: String?, _ option: String) throws -> UInt64? {
        guard let text else { return nil }
        guard let bytes = ByteCount.parse(text), bytes > 0 else {
            throw ValidationError("\(option) must be a size such as 20GiB, not '\(text)'")
        }
        return bytes
    }
}
