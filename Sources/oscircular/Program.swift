import ArgumentParser
import Dispatch
import Linux

/// The entry point: signals first, then the command, then the exit code.
@main
enum Program {
    // Synchronous on purpose: signals must be blocked before any other thread exists, and an error that left an async
    // main would end in a crash report.
    static func main() {
        MainProgram.start(name: "oscircular")
        // Confines itself, which takes a process of one thread.
        if CommandLine.arguments.dropFirst().first == RunNetworkCommand.name { RunNetworkCommand.runAlone() }
        // Before there is another thread: each has rights of its own.
        if CommandLine.arguments.dropFirst().first == RunSessionCommand.name { RunSessionCommand.giveUpRights() }
        Interruption.install()
        do { try WorkerThread.require(4) } catch { ErrorReport.exit(with: error) }
        let done = DispatchSemaphore(value: 0)
        Task.detached {
            await run()
            done.signal()
        }
        done.wait()
        MainProgram.end(0, name: "oscircular")
    }

    private static func run() async {
        do {
            // The guide of 2009 calls this program by other names.
            let name = CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? ""
            var command: any ParsableCommand =
                LegacyMountCommand.names.contains(name)
                ? try LegacyMountCommand.parse() : try RootCommand.parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            ErrorReport.exit(with: error)
        }
    }
}
