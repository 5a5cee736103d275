import ArgumentParser
import Boot
import Glibc
import Linux

/// `oscircular serve-mount`: the background process of `mount`. Its request comes on standard input.
struct ServeMountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "serve-mount", shouldDisplay: false)

    func run() async throws {
        let report = FileHandle(owning: SessionLauncher.reportDescriptor)
        _ = fcntl(report.descriptor, F_SETFD, FD_CLOEXEC)
        do {
            let input = try MainProgram.takeStandardInput()
            let context = try CommandContext.load()
            guard let request = try LineSocket.receive(MountRequest.self, from: input) else { return }
            let mount = try await ServedMount.start(request, context: context)
            try? LineSocket.send(StartReport(isUp: true), to: report)
            await mount.untilEnded()
        } catch {
            let failure = ErrorReport(error)
            try? LineSocket.send(
                StartReport(failure: SessionFailure(exitCode: failure.exitCode, message: failure.message)), to: report)
        }
    }
}
