import ArgumentParser
import Boot
import Catalog
import Formats
import GuestDomain
import Linux
import Synchronization

/// `oscircular boot`.
struct BootCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "boot", abstract: "Boot an operating system now; its disk streams in.",
        discussion: """
            Without --detach this stays as the guest's viewer: Ctrl-] leaves its console, then Ctrl-C asks the guest to shut
            down and a second one forces it. Closing the terminal leaves the guest running.
            """)

    @Argument(help: "[CATALOG/]DISTRO[@VERSION]; the newest version by default.") var name: String
    @Flag(help: "Return when the guest has started, and print its session.") var detach = false
    @Option(help: "Memory in MiB; by default what the catalog advises.") var memory: Int?
    @Option(help: "Virtual processors.") var cpus: Int?
    @OptionGroup var opening: OpeningOption
    @Option(
        help: "user (the internet), lan (private networks and this host's, too) or none (only ssh to this host).")
    var network: Network?
    @Option(help: "auto, kvm or tcg (software emulation).") var accel: Accel?
    @Option(help: "libvirt's URI; by default that of your own session.") var connect: String?
    @Option(help: "What happens to the files in the guest's exchange folder when it ends: keep or remove.")
    var exchange: Exchange?
    @Flag(help: "Boot a vendor's version that is verified less strictly than your settings ask.") var unverified = false
    @Option(
        help:
            "A file of your own for the first boot of an image with cloud-init, Ignition or nuageinit, obeyed after what lets you log in."
    )
    var userData: String?
    @Option(
        help:
            "The home that the guest's user gets, made where there is none: a disk that stays. See 'oscircular homes'.")
    var home: String?
    @Flag(help: "With --home: give it to a system that has not had it before, or is not verified.") var allowHome =
        false
    @Flag(help: "With --detach: print the session as one JSON object.") var json = false

    typealias Display = BootRequest.Display

    enum Network: String, CaseIterable, ExpressibleByArgument { case user, lan, none }
    enum Exchange: String, CaseIterable, ExpressibleByArgument { case keep, remove }
    enum Accel: String, CaseIterable, ExpressibleByArgument { case auto, kvm, tcg }

    func validate() throws {
        if let memory, !(16...1_048_576).contains(memory) {
            throw ValidationError("--memory must be 16 to 1048576 MiB")
        }
        if let cpus, !(1...512).contains(cpus) { throw ValidationError("--cpus must be 1 to 512") }
        if allowHome && home == nil { throw ValidationError("--allow-home goes with --home") }
        if json && !detach { throw ValidationError("--json goes with --detach") }
        // As the parser's own errors, with the usage.
        do {
            _ = try VersionName(argument: name)
            if let home { _ = try KeptName(argument: home) }
        } catch { throw ValidationError(ErrorReport(error).message) }
    }

    func run() async throws {
        let context = try CommandContext.load()
        let registry = context.registry
        try await WorkerThread.run(name: "stale") {
            registry.clearStale()
            registry.trimLogs()
        }
        var request = request(context.configuration, userData: try await userDataText())
        let library = HomeLibrary(places: context.places)
        let isNewHome = home.flatMap { KeptName($0) }.map { !library.exists($0) } ?? false
        var report = try await start(request, context)
        while try await isAllowed(report, context, library) {
            // A session's name is used once.
            request.id = SessionID.random()
            report = try await start(request, context)
        }
        if let failure = report.failure { throw failure }
        guard let last = report.status else { throw BootError.sessionSilent(request.id, pid: nil) }
        let directory = SessionDirectory(id: request.id, places: context.places)
        if let home, isNewHome {
            Terminal.note("the home '\(home)' is new: up to \(ByteCount.text(HomeLibrary.usualSize)), and empty")
        }
        if detach {
            Interruption.handle(nil)
            return json ? try JSONOutput.print(last) : Terminal.print(last.id)
        }
        try await SessionViewer(directory: directory, registry: registry, display: request.display).run()
    }

    /// Starts a session and shows its start.
    private func start(_ request: BootRequest, _ context: CommandContext) async throws -> StartReport {
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

    /// Asks the user, where there is one, what a start that failed asks, and keeps a yes.
    /// - Returns: false where it asks for nothing, or the answer is no.
    private func isAllowed(
        _ report: StartReport, _ context: CommandContext, _ library: HomeLibrary
    ) async throws -> Bool {
        guard let question = report.unverified?.question ?? report.home?.question, Confirmation.isPossible else {
            return false
        }
        Interruption.handle(nil)
        guard Confirmation.ask(Terminal.clean(question)) else { return false }
        if let boot = report.unverified {
            try UnverifiedBoots(places: context.places, settings: context.configuration.vendors).allow(boot)
        } else if let home = report.home {
            try await WorkerThread.run(name: "home") { try library.allow(home) }
        }
        return true
    }

    private func userDataText() async throws -> String? {
        guard let userData else { return nil }
        return try await WorkerThread.run(name: "user data") { try UserData.read(userData).text }
    }

    private func request(_ configuration: Configuration, userData: String?) -> BootRequest {
        let usual: Display = detach ? .none : GuestWindow.hasDisplay() ? .window : .console
        return BootRequest(
            id: SessionID.random(), name: name, memoryMiB: memory ?? configuration.memoryMiB,
            cpus: cpus ?? configuration.cpus,
            display: opening.display ?? configuration.display.flatMap(Display.init(rawValue:)) ?? usual,
            network: network?.rawValue ?? configuration.network, accel: accel?.rawValue ?? configuration.accelerator,
            connect: connect ?? configuration.connect,
            keepsExchange: exchange.map { $0 == .keep } ?? (configuration.keepsExchange ? nil : false),
            exchangeLimit: configuration.exchangeLimit, allowUnverified: unverified ? true : nil, userData: userData,
            home: home, allowHome: allowHome ? true : nil)
    }
}

/// The phases of a start as they pass: a line for each on standard error.
private struct StartProgress {
    private var shown: SessionStatus.Phase?
    private var isLoweredShown = false

    /// Shows what the session says of itself until the task is cancelled.
    mutating func follow(_ id: String, _ registry: SessionRegistry) async {
        while !Task.isCancelled {
            // A session that has no socket yet, or none any more, has nothing to show.
            if let status = try? await registry.send(.status, to: id).status { show(status) }
            // A wait that is cancelled ends the loop.
            try? await Task.sleep(for: .milliseconds(100))
        }
    }

    mutating func show(_ status: SessionStatus) {
        if let lowered = status.lowered, !isLoweredShown {
            isLoweredShown = true
            Terminal.note(Terminal.clean(lowered))
        }
        let passed = SessionStatus.Phase.allCases.filter { phase in
            phase <= status.phase && shown.map { phase > $0 } ?? true
        }
        for phase in passed { Terminal.note("\(phase.rawValue): \(StartProgress.text(phase, of: status))") }
        if passed.isEmpty, status.bytesFetched > 0 {
            let fetched = "\(ByteCount.text(status.bytesFetched)) fetched, \(ByteCount.text(status.rate))/s"
            Terminal.progress(
                "\(status.phase.rawValue): \(fetched)\(status.lastError.map { "; \(Terminal.clean($0))" } ?? "")")
        }
        shown = max(shown ?? status.phase, status.phase)
    }

    func end() { Terminal.endProgress() }

    /// What is said of a phase that has come or passed.
    private static func text(_ phase: SessionStatus.Phase, of status: SessionStatus) -> String {
        switch phase {
        case .catalog: "looking for \(status.distribution)"
        case .index: "\(status.distribution)@\(status.version) from \(status.catalog)"
        // How many of them are stored here is still being counted.
        case .mount: "\(status.blocks) blocks"
        case .bootSet: "fetching what the start needs"
        case .guest: status.accel == "tcg" ? "starting (software emulation: slow)" : "starting"
        case .up: "session \(status.id) is up"
        }
    }
}

/// `boot` without --detach, once the guest runs: its console or a status line, until the guest ends.
private struct SessionViewer {
    let directory: SessionDirectory
    let registry: SessionRegistry
    let display: BootRequest.Display

    func run() async throws {
        let id = directory.id
        let registry = registry
        let asked = Atomic(false)
        let signals = AsyncStream<Signal>.makeStream()
        let handle: Interruption.Handler = { signal in
            // The guest keeps running without its viewer.
            if signal == .hangUp { CurrentProcess.endNow(signal.exitCode) }
            signals.continuation.yield(signal)
        }
        Interruption.handle(handle)
        let stopper = Task {
            for await _ in signals.stream {
                let isSecond = asked.exchange(true, ordering: .relaxed)
                Terminal.note(
                    isSecond ? "forcing the guest off" : "asking the guest to shut down; press again to force it off")
                // One that does not answer now may be asked again.
                Task { try? await registry.send(isSecond ? .force : .stop, to: id) }
            }
        }
        defer { stopper.cancel() }

        // Without an answer the window is left out; 'oscircular console' remains.
        if display == .window, let domain = try? await registry.send(.status, to: id).status?.domain {
            let problem = GuestWindow.open(uri: domain.uri, domainName: domain.name)
            if let problem { Terminal.note(problem) }
        }
        if display == .console {
            Terminal.note("Ctrl-] leaves the console; the guest keeps running.")
            let interruption = try EventDescriptor()
            let received = Atomic<Int32>(0)
            let hasTerminal = TerminalDevice.isTerminal(StandardDescriptor.input)
            // The terminal is given back before anything else is done.
            Interruption.handle { signal in
                guard hasTerminal, signal != .interrupt else { return handle(signal) }
                // A terminal that is gone counts more than whatever else asks for the end at the same time.
                if received.load(ordering: .relaxed) != Signal.hangUp.rawValue {
                    received.store(signal.rawValue, ordering: .relaxed)
                }
                interruption.signal()
            }
            let end = try await ConsoleAttachment.run(directory, interruption: interruption)
            Interruption.handle(handle)
            // It may have come while the terminal was given back for another reason.
            let signal = received.load(ordering: .relaxed)
            if signal != 0 { handle(Signal(rawValue: signal)) }
            if end == .left, directory.isAlive {
                Terminal.note(
                    "The guest keeps running as session \(id). Ctrl-C stops it; 'oscircular console \(id)' returns to it."
                )
            }
            if end == .unread {
                Terminal.note("The guest keeps running as session \(id); 'oscircular stop \(id)' ends it.")
                return
            }
        }
        var told: String?
        while directory.isAlive {
            // One that does not answer now may answer the next time.
            if let status = try? await registry.send(.status, to: id).status, directory.isAlive {
                if let trouble = status.network, trouble.text != told {
                    Terminal.endProgress()
                    Terminal.note(Terminal.clean(trouble.text))
                    told = trouble.text
                }
                Terminal.progress(
                    "\(status.distribution)@\(status.version) \(status.state.rawValue)  "
                        + "\(ByteCount.text(status.bytesFetched)) fetched, \(ByteCount.text(status.rate))/s")
            }
            try await Task.sleep(for: .milliseconds(500))
        }
        Terminal.endProgress()
        Terminal.note("session \(id) ended; its console log is \(directory.log)")
        if let failure = directory.failure { throw SessionFailure(exitCode: 1, message: failure) }
    }
}
