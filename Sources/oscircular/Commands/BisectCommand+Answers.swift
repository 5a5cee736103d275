import ArgumentParser
import Boot
import Catalog
import Linux

extension BisectCommand {
    /// What the commands that say how a version is have in common.
    struct AnswerOptions: ParsableArguments {
        @Argument(help: "The version; by default the one that was booted, or is to be tried next.") var version: String?
        @Option(name: .customLong("of"), help: "[CATALOG/]DISTRO, where several are open.") var system: String?
        @Flag(help: "Print how far it is as one JSON object.") var json = false

        func take(_ verdict: Bisection.Verdict) async throws {
            let work = BisectWork(try CommandContext.load())
            let system = try work.library.system(named: try system.map { try VersionName(argument: $0) })
            let summary = try await work.answer(verdict, version, of: system)
            json ? try JSONOutput.print(summary) : BisectText.show(summary)
        }
    }

    struct Good: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "good", abstract: "Say that a version does not have the fault. Its guest is ended.")
        @OptionGroup var options: AnswerOptions

        func run() async throws { try await options.take(.good) }
    }

    struct Bad: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "bad", abstract: "Say that a version has the fault. Its guest is ended.")
        @OptionGroup var options: AnswerOptions

        func run() async throws { try await options.take(.bad) }
    }

    struct Skip: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "skip", abstract: "Say that a version cannot be judged; another one is tried.")
        @OptionGroup var options: AnswerOptions

        func run() async throws { try await options.take(.skip) }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "status", abstract: "Show how far each bisect is, and what those that have ended found.")

        @Argument(help: "[CATALOG/]DISTRO; all by default.") var name: String?
        @Flag(help: "One JSON object.") var json = false

        private struct Bisects: Encodable { let bisects: [BisectSummary] }

        func run() async throws {
            let work = BisectWork(try CommandContext.load())
            let systems =
                try name.map { [try work.library.system(named: try VersionName(argument: $0))] }
                ?? work.library.systems()
            var summaries: [BisectSummary] = []
            for system in systems {
                guard let record = try work.library.record(of: system) else { continue }
                summaries.append(try await work.summary(of: record))
            }
            if json { return try JSONOutput.print(Bisects(bisects: summaries)) }
            if summaries.isEmpty {
                return Terminal.note(
                    "No bisect has begun: 'oscircular bisect SYSTEM --good VERSION --bad VERSION' begins one.")
            }
            for summary in summaries { BisectText.show(summary, hasAnswers: true) }
        }
    }

    struct Reset: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "reset", abstract: "Forget a bisect with all its answers; its guest is ended.")

        @Argument(help: "[CATALOG/]DISTRO, where several are open.") var name: String?

        func run() async throws {
            let work = BisectWork(try CommandContext.load())
            let system = try work.library.system(named: try name.map { try VersionName(argument: $0) })
            let hold = try await work.take(system)
            // One that cannot be read is what somebody may want to be rid of.
            if let session = (try? hold.record())?.session { await work.end(session) }
            try hold.remove()
            Terminal.print("the bisect of \(system) is forgotten")
        }
    }
}
