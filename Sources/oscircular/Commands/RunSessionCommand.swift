import ArgumentParser
import Boot
import Linux

/// `oscircular run-session`: a session's process. Its request comes on standard input, its lock is open already.
struct RunSessionCommand: AsyncParsableCommand {
    static let name = "run-session"
    static let configuration = CommandConfiguration(commandName: name, shouldDisplay: false)

    /// Root's session keeps what mounting an image and starting sandboxes, networks and guests takes (docs/decisions/0042). A user's has no
    /// capabilities, and may not forbid itself setuid programs: fusermount3 is one.
    static func giveUpRights() {
        guard CurrentUser.isRoot else { return }
        do throws(SystemCallError) {
            try Confinement.keep(Confinement.Capability.allCases)
        } catch {
            StandardError.write("the session keeps all rights of root: \(error)\n")
        }
    }

    func run() async throws {
        let report = FileHandle(owning: SessionLauncher.reportDescriptor)
        let lock = FileHandle(owning: SessionLauncher.lockDescriptor)
        // Programs that we start must not keep the session alive after our end.
        for handle in [report, lock] { handle.closeOnExec() }
        var session: SessionRun?
        var spare: BootRequest?
        do {
            let input = try MainProgram.takeStandardInput()
            let context = try CommandContext.load()
            guard let request = try LineSocket.receive(BootRequest.self, from: input) else { return }
            let run = SessionRun(
                request: request, places: context.places, configuration: context.configuration,
                report: { RunSessionCommand.tell($0, to: report) },
                describe: { ErrorReport($0).message })
            Interruption.handle { signal in
                if signal != .hangUp { run.stop(force: false) }
            }
            session = run
            if request.purpose == nil {
                try await run.run()
                // Without a thread none is made this time.
                spare = (try? await WorkerThread.run(name: "spare") { run.spareTemplate }) ?? nil
            } else {
                try await run.makeWarmState()
            }
        } catch {
            let failure = ErrorReport(error)
            var told = StartReport(
                status: session?.status,
                failure: SessionFailure(exitCode: failure.exitCode, message: failure.message))
            if case BootError.unverified(let boot, let isByDefault) = error {
                if isByDefault { told.unverified = boot } else { told.refused = boot }
            }
            if case BootError.tableChange(let change) = error { told.tableChange = change }
            if case MachineError.unverified(let boot) = error { told.keepsUnverified = boot }
            if case HomeError.notAllowed(let question) = error { told.home = question }
            if case ShareError.notAllowed(let question) = error { told.share = question }
            if case ShareError.notGivenBack(let loss) = error { told.shareLoss = loss }
            if case BootError.publishesUnverified(let boot) = error { told.publishesUnverified = boot }
            if case SuspendError.misfit(let misfit) = error { told.misfit = misfit }
            RunSessionCommand.tell(told, to: report)
        }
        if let next = session?.successor {
            await follow(next)
        } else if let next = spare {
            begin(next)
        }
        withExtendedLifetime(lock) {}
    }

    /// Starts the guest that boots in the place of this session's, which did not come up. Nothing of this session is left by now but its process;
    /// its log says how that went.
    private func follow(_ next: BootRequest) async {
        do {
            let places = try CommandContext.load().places
            let started = try await SessionLauncher(places: places, program: CommandContext.program).start(next)
            if let failure = started.failure { throw failure }
            StandardError.write("\(next.name) has been started as session \(next.id)\n")
        } catch {
            let text = "\(next.name), which was to boot in its place, did not start: \(ErrorReport(error).message)"
            StandardError.write("\(SessionDirectory.failureMark)\(text)\n")
        }
    }

    /// Starts the making of a warm state of the version that has just run. Nobody waits for it; its own log says how that goes.
    private func begin(_ next: BootRequest) {
        do {
            let places = try CommandContext.load().places
            try SessionLauncher(places: places, program: CommandContext.program).begin(next)
        } catch {
            StandardError.write("no warm state is made of \(next.name): \(ErrorReport(error).message)\n")
        }
    }

    /// One line into a pipe that is empty: it waits for nobody, not even for a program that is stopped.
    private static func tell(_ report: StartReport, to pipe: FileHandle) {
        // Nobody may be listening any more: the session goes on.
        try? LineSocket.send(report, to: pipe)
    }
}
