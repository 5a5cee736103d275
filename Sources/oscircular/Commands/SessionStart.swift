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
    /// What is opened of a guest that has its screen already; nil for what it is started with.
    var opens: BootRequest.Display?
    /// Called before another start in the place of one that asked something, with the session's id before, and its id from now on.
    var renames: @Sendable (_ old: String, _ new: String) async throws -> Void = { _, _ in }

    /// - Throws: what the session's start, or its end, failed with.
    func run(_ request: BootRequest) async throws {
        let registry = context.registry
        try await WorkerThread.run(name: "stale") {
            registry.clearStale()
            registry.trimLogs()
        }
        var request = request
        request.fetchesBase = try await fetchesBase(request)
        let isNewHome = isNewHome(request)
        var report = try await start(request)
        while try await answers(report, &request) {
            // A session's name is used once, but by a guest that goes on.
            if request.resumes == nil {
                let old = request.id
                request.id = SessionID.random()
                try await renames(old, request.id)
            }
            report = try await start(request)
        }
        if let failure = report.failure { throw failure }
        guard let last = report.status else { throw BootError.sessionSilent(request.id, pid: nil) }
        for note in report.notes ?? [] { Terminal.note(Terminal.clean(note)) }
        if let home = request.home, isNewHome {
            Terminal.note("the home '\(home)' is new: up to \(ByteCount.text(HomeLibrary.usualSize)), and empty")
        }
        let directory = SessionDirectory(id: request.id, places: context.places)
        if detach {
            Interruption.handle(nil)
            return json ? try JSONOutput.print(last) : Terminal.print(last.id)
        }
        try await SessionViewer(directory: directory, registry: registry, display: opens ?? request.display).run()
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

    /// Asks the user, where there is one, what a start that failed asks, and keeps the answer.
    /// - Returns: whether another start is worth trying: false where it asks for nothing, or the answer is no.
    func answers(_ report: StartReport, _ request: inout BootRequest) async throws -> Bool {
        if let change = report.tableChange {
            // The user is asked once, and either answer lets it start.
            try TableAnswers(places: context.places).keep(change, isAllowed: isConfirmed(change.question))
            return true
        }
        if let boot = report.unverified, isConfirmed(boot.question) {
            try UnverifiedBoots(places: context.places, settings: context.configuration.vendors).allow(boot)
            return true
        }
        if let boot = report.keepsUnverified, isConfirmed(boot.keepingQuestion) {
            request.keepsUnverified = true
            return true
        }
        if let boot = report.publishesUnverified, isConfirmed(boot.publishingQuestion) {
            request.publishesUnverified = true
            return true
        }
        if let home = report.home, isConfirmed(home.question) {
            let library = HomeLibrary(places: context.places)
            try await WorkerThread.run(name: "home") { try library.allow(home) }
            return true
        }
        if let share = report.share, Confirmation.isPossible {
            if isConfirmed(share.question) {
                request.allowShare = true
                return true
            }
            if share.isReplaced == true {
                request = request.withoutShare
                return true
            }
        }
        if let loss = report.shareLoss, isConfirmed(loss.question) {
            request = request.withoutShare
            return true
        }
        if let misfit = report.misfit, request.resumes == .memory, isConfirmed(misfit.question) {
            request.resumes = .cold
            return true
        }
        return false
    }

    private func isNewHome(_ request: BootRequest) -> Bool {
        request.home.flatMap { KeptName($0) }.map { !HomeLibrary(places: context.places).exists($0) } ?? false
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
