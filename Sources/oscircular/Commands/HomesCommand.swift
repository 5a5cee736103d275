import ArgumentParser
import Boot
import Formats
import Linux

/// `oscircular homes list|create|grow|check|backup|restore|forget`.
struct HomesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "homes", abstract: "Manage homes: disks with a user's files, for one guest after another.",
        discussion: """
            'oscircular boot --home NAME' gives a guest a home: the user that ssh logs in as then has its files in every system and in
            every version. A guest that has a home may read and change all of it.
            """,
        subcommands: [
            List.self, Create.self, Grow.self, Check.self, Backup.self, Restore.self, Forget.self,
        ], defaultSubcommand: List.self)

    /// A home's name, and the library that has it.
    struct Name: ParsableArguments {
        @Argument(help: "The home's name.") var name: String

        func validate() throws {
            do { _ = try KeptName(argument: name) } catch { throw ValidationError(ErrorReport(error).message) }
        }

        /// On a thread that may wait.
        func use<Value: Sendable>(
            _ body: @escaping @Sendable (HomeLibrary, KeptName) throws -> Value
        ) async throws -> Value {
            let name = try KeptName(argument: name)
            let (library, registry) = try HomesCommand.library()
            return try await WorkerThread.run(name: "homes") {
                // A session that was killed may have left a guest that has the home still.
                registry.clearStale()
                return try body(library, name)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "Show the homes.")

        @Flag(help: "One JSON object.") var json = false

        private struct Homes: Encodable { let homes: [HomeSummary] }

        func run() async throws {
            let (library, registry) = try HomesCommand.library()
            let homes = try await WorkerThread.run(name: "homes") {
                registry.clearStale()
                return try library.list()
            }
            if json { return try JSONOutput.print(Homes(homes: homes)) }
            if homes.isEmpty {
                return Terminal.note(
                    "There is no home. 'oscircular homes create NAME' makes one, as does 'boot --home NAME'.")
            }
            for home in homes { HomesCommand.show(home) }
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Make an empty home.",
            discussion: "On this machine's disk it takes what is in it, and a few MB.")

        @OptionGroup var home: Name
        @Option(help: "How much it may hold, such as 50GiB; 20GiB by default. It can grow later.") var size: String?
        @Flag(help: "One JSON object.") var json = false

        func run() async throws {
            let size = try size.map(HomesCommand.bytes) ?? HomeLibrary.usualSize
            let made = try await home.use { try $0.create($1, size: size) }
            if json { return try JSONOutput.print(made) }
            Terminal.print(
                "the home '\(made.name)' was made: up to \(ByteCount.text(made.size)), for the user \(made.user)")
        }
    }

    struct Grow: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "grow", abstract: "Let a home hold more.",
            discussion: "It is copied first, and stays as it is until the larger one is whole.")

        @OptionGroup var home: Name
        @Argument(help: "How much it may hold from now on, such as 50GiB.") var size: String
        @Flag(help: "One JSON object.") var json = false

        func run() async throws {
            let size = try HomesCommand.bytes(size)
            let grown = try await home.use { try $0.grow($1, to: size) }
            if json { return try JSONOutput.print(grown) }
            Terminal.print("the home '\(grown.name)' may hold up to \(ByteCount.text(grown.size)) now")
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check",
            abstract: "Check a home's file system, and repair what can be repaired without a loss.")

        @OptionGroup var home: Name
        @Flag(help: "Repair everything, also what may lose something; a backup is made first where there is room.")
        var repair = false
        @Flag(help: "One JSON object.") var json = false

        func run() async throws {
            let repair = repair
            let findings = try await home.use { try $0.check($1, repairs: repair) }
            if json { return try JSONOutput.print(findings) }
            for line in findings.text.split(separator: "\n") {
                Terminal.note("e2fsck: \(Terminal.clean(String(line)))")
            }
            Terminal.print(
                "the home '\(home.name)' is in order\(findings.isRepaired ? ": something was repaired" : "")")
        }
    }

    struct Backup: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "backup", abstract: "Keep a home as it is now.",
            discussion: "A backup takes no room at first on Btrfs and XFS; elsewhere it is a copy.")

        @OptionGroup var home: Name
        @Flag(help: "One JSON object.") var json = false

        func run() async throws {
            let backup = try await home.use { try $0.backup($1) }
            if json { return try JSONOutput.print(backup) }
            Terminal.print(backup.name)
        }
    }

    struct Restore: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "restore", abstract: "Make a home again what it was at a backup.",
            discussion: "What it is now is kept as a backup, too.")

        @OptionGroup var home: Name
        @Argument(help: "The backup, as 'oscircular homes' shows it, or its beginning; the latest by default.")
        var backup: String?
        @Flag(help: "Where there is no room for a copy, the backup itself becomes the home.") var force = false
        @Flag(help: "One JSON object.") var json = false

        func run() async throws {
            let (backup, force) = (backup, force)
            let taken = try await home.use { try $0.restore($1, to: backup, isForced: force) }
            if json { return try JSONOutput.print(["restored": taken]) }
            Terminal.print("the home '\(home.name)' is what it was at \(taken)")
        }
    }

    struct Forget: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "forget", abstract: "Remove a home with all its backups, or one backup.")

        @OptionGroup var home: Name
        @Option(help: "Remove only this backup.") var backup: String?
        @Flag(help: "Do not ask.") var yes = false
        @Flag(help: "One JSON object.") var json = false

        func run() async throws {
            if let backup {
                try await home.use { try $0.forget($1, backup: backup) }
                return json ? try JSONOutput.print(["forgotten": backup]) : Terminal.print("the backup is gone")
            }
            let found = try await home.use { (library, name) -> HomeSummary? in
                library.exists(name) ? try library.home(name) : nil
            }
            if let found, !yes {
                guard Confirmation.isPossible else {
                    throw UsageError("'\(found.name)' would be gone for good: give --yes to say that you mean it")
                }
                let backups = found.backups.isEmpty ? "" : " and \(found.backups.count) backups of it"
                let question =
                    "The home '\(found.name)' (\(ByteCount.text(found.allocated)))\(backups) will be gone for good. Remove it?"
                guard Confirmation.ask(question) else { throw CancellationError() }
            }
            try await home.use { try $0.forget($1) }
            if json { return try JSONOutput.print(["forgotten": home.name]) }
            Terminal.print("the home '\(home.name)' is gone")
        }
    }

    fileprivate static func library() throws -> (HomeLibrary, SessionRegistry) {
        let context = try CommandContext.load()
        return (HomeLibrary(places: context.places, reserve: context.configuration.reserve), context.registry)
    }

    fileprivate static func bytes(_ text: String) throws -> UInt64 {
        guard let bytes = ByteCount.parse(text) else { throw UsageError("'\(text)' is not a size such as 20GiB") }
        return bytes
    }

    private static func show(_ home: HomeSummary) {
        var facts = ["\(ByteCount.text(home.allocated)) of \(ByteCount.text(home.size))", "user \(home.user)"]
        if let holder = home.usedBy {
            facts.append(SessionID.isValid(holder) ? "used by session \(holder)" : "busy (\(holder))")
        }
        if let last = home.lastUsed {
            facts.append("last used by \(last.catalog)/\(last.distribution)@\(last.version), \(last.time)")
        }
        Terminal.print("\(home.name)  \(facts.joined(separator: "  "))")
        if let trouble = home.trouble { Terminal.print("    no guest gets it: \(Terminal.clean(trouble))") }
        for backup in home.backups {
            Terminal.print("    backup \(Terminal.clean(backup.name))  \(ByteCount.text(backup.allocated))")
        }
    }
}
