import ArgumentParser
import Linux
import Publisher

/// `oscircular-publish`: from an image to a tree that any web server serves.
@main
enum Program {
    /// What we were called.
    private static var name: Substring { CommandLine.arguments.first?.split(separator: "/").last ?? "" }

    // Not async: signals must be blocked before any other thread exists, and the work itself blocks.
    static func main() {
        MainProgram.start(name: "oscircular-publish")
        let context = Context(cancellation: Signals.watch())
        do {
            // The guide of 2009 calls us by another name.
            var command: any ParsableCommand =
                Program.name == "mksha1files" ? try MakeSHA1FilesCommand.parse() : try PublishCommand.parseAsRoot()
            if let command = command as? any PublishSubcommand {
                try command.run(context)
            } else {
                try command.run()
            }
        } catch {
            ErrorReport.end(error)
        }
        MainProgram.end(0, name: "oscircular-publish")
    }
}

/// The program's root command.
struct PublishCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "oscircular-publish",
        abstract: "Publishes operating system images for OS Circular.",
        discussion: "Exit codes are sysexits': see oscircular-publish(1).",
        subcommands: [
            InitCommand.self, MakeCommand.self, AddCommand.self, UpdateCommand.self, RecordCommand.self,
            WarmCommand.self, DeriveCommand.self, RecompressCommand.self,
            KeyCommand.self, TimestampCommand.self, PruneCommand.self, PinCommand.self, UnpinCommand.self,
            WithdrawCommand.self, VendorsCommand.self, VerifyCommand.self, MirrorCommand.self, ConvertCommand.self,
            StatsCommand.self,
        ])
}

/// What every command is given.
struct Context {
    let cancellation: Cancellation
}

/// A command that works with the program's context.
protocol PublishSubcommand: ParsableCommand {
    func run(_ context: Context) throws
}
