import ArgumentParser
import Linux

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
