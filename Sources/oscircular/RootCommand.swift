import ArgumentParser

/// `oscircular`: the commands, in the order that a new user needs them.
struct RootCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "oscircular",
        abstract: "Boot an operating system from a web server, now.",
        discussion: """
            Add a catalog, list what it has, boot: the guest's disk streams in block by block, every block verified and
            kept. Nothing is installed; what the guest writes is thrown away when it ends.
            """,
        version: Release.version,
        subcommands: [
            BootCommand.self, ListCommand.self, CatalogCommand.self, SessionsCommand.self, StopCommand.self,
            ConsoleCommand.self, SSHCommand.self, FetchCommand.self, MountCommand.self, UmountCommand.self,
            CacheCommand.self, DoctorCommand.self, RunSessionCommand.self, ServeMountCommand.self, SSHProxyCommand.self,
        ])

    /// The menu comes here; until then the help is the most useful answer.
    func run() throws { throw CleanExit.helpRequest(self) }
}

/// What `--version` says; CHANGELOG.md tells what is in it.
enum Release {
    static let version = "0.1.0"
}
