import ArgumentParser

/// The program's root command.
struct PublishCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "oscircular-publish",
        abstract: "Publishes operating system images for OS Circular.",
        discussion: "Exit codes are sysexits': see oscircular-publish(1).",
        subcommands: [
            InitCommand.self, MakeCommand.self, AddCommand.self, UpdateCommand.self, RecordCommand.self,
            KeyCommand.self, TimestampCommand.self, PruneCommand.self, PinCommand.self, UnpinCommand.self,
            WithdrawCommand.self, VerifyCommand.self, MirrorCommand.self, ConvertCommand.self,
            StatsCommand.self,
        ])
}
