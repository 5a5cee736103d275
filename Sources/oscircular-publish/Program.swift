import ArgumentParser
import Glibc

/// `oscircular-publish`: from an image to a tree that any web server serves.
@main
enum Program {
    // Not async: signals must be blocked before any other thread exists, and the work itself blocks.
    static func main() {
        let context = Context(cancellation: Signals.watch())
        do {
            var command = try PublishCommand.parseAsRoot()
            if let command = command as? any PublishSubcommand {
                try command.run(context)
            } else {
                try command.run()
            }
        } catch {
            ErrorReport.end(error)
        }
    }
}
