import ArgumentParser
import Boot

/// `oscircular`: the commands, in the order that a new user needs them.
struct RootCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "oscircular",
        abstract: "Boot an operating system from a web server, now.",
        discussion: """
            Add a catalog, list what it has, boot: the guest's disk streams in block by block, every block verified and
            kept. Nothing is installed; what the guest writes is thrown away when it ends, unless it is kept as a machine.

            Without a command this is the menu.
            """,
        version: Release.version,
        subcommands: [
            BootCommand.self, ListCommand.self, CatalogCommand.self, VendorsCommand.self, MachinesCommand.self,
            HomesCommand.self, BisectCommand.self, SessionsCommand.self, StopCommand.self, SuspendCommand.self,
            ResumeCommand.self, ConsoleCommand.self, PasswordCommand.self, SSHCommand.self, CopyCommand.self,
            PortsCommand.self, FetchCommand.self, MountCommand.self, UmountCommand.self, CacheCommand.self,
            DoctorCommand.self, RunSessionCommand.self,
            RunNetworkCommand.self, ServeMountCommand.self, SSHProxyCommand.self,
        ])

    @Flag(help: "In the menu: leave the mouse to the terminal.") var noMouse = false
    @Flag(help: "In the menu: no colours; NO_COLOR in the environment says the same.") var noColor = false
    @Flag(help: "In the menu: ASCII characters only, as on a Linux console.") var ascii = false
    @OptionGroup var opening: OpeningOption

    func run() async throws {
        try await Menu(mouse: !noMouse, color: !noColor, ascii: ascii, display: opening.display).run()
    }
}

/// The option that the menu and `boot` share. It must be one type in both: the parser takes an option that the program
/// itself has for the program's, wherever it stands, and hands on only a group that it finds there again.
struct OpeningOption: ParsableArguments {
    @Option(
        help:
            "What to open as soon as a guest runs: window, console or none. In the menu, nothing by default; with 'boot', a window where there is a display, otherwise the console."
    )
    var display: BootRequest.Display?
}

extension BootRequest.Display: ExpressibleByArgument {}

/// What `--version` says; CHANGELOG.md tells what is in it.
enum Release {
    static let version = "0.1.0"
}
