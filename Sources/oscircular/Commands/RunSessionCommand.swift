import ArgumentParser
import Boot
import Glibc
import Linux

/// `oscircular run-session`: a session's process. Its request comes on standard input, its lock is open already.
struct RunSessionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "run-session", shouldDisplay: false)

    func run() async throws {
        let report = FileHandle(owning: SessionLauncher.reportDescriptor)
        let lock = FileHandle(owning: SessionLauncher.lockDescriptor)
        // Programs that we start must not keep the session alive after our end.
        for handle in [report, lock] { _ = fcntl(handle.descriptor, F_SETFD, FD_CLOEXEC) }
        let reporter = try StartReporter(to: report)
        do {
            let input = try MainProgram.takeStandardInput()
            let context = try CommandContext.load()
            guard let request = try LineSocket.receive(BootRequest.self, from: input) else { return }
            let session = SessionRun(
                request: request, places: context.places, configuration: context.configuration,
                report: { reporter.tell($0) },
                describe: { ErrorReport($0).message })
            Interruption.handle { number in
                if number != SIGHUP { session.stop(force: false) }
            }
            try await session.run()
        } catch {
            let failure = ErrorReport(error)
            reporter.tell(
                StartReport(failure: SessionFailure(exitCode: failure.exitCode, message: failure.message)))
        }
        // Not on a thread of the pool, which must not wait. Without a thread the starter sees our end.
        _ = try? await WorkerThread.run(name: "last report") {
            reporter.finish()
        }
        withExtendedLifetime(lock) {}
    }
}
