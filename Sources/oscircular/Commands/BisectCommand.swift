import ArgumentParser
import Boot
import Catalog
import GuestDomain
import Linux

/// `oscircular bisect`.
struct BisectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bisect",
        abstract: "Find the version with which a fault came, by booting the one in the middle each time.",
        discussion: """
            'oscircular bisect debian --good VERSION --bad VERSION --run ./test' boots one version after the other in a guest that is
            thrown away, and runs the test there. Without --run you look at each guest yourself, and say how it was. What has
            been found out is kept: the same command goes on. For a system whose name is one of the commands below, use
            'oscircular bisect start NAME'.
            """,
        subcommands: [Start.self, Good.self, Bad.self, Skip.self, Status.self, Reset.self],
        defaultSubcommand: Start.self)

    struct Start: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "start", abstract: "Begin, or go on. 'bisect DISTRO' without 'start' is the same.",
            discussion: """
                The test is copied into each guest by ssh, and runs there as the user that 'oscircular ssh' logs in as. Its exit code
                says how the version is: 0 good, 125 cannot be told, anything else bad.
                """)

        @Argument(help: "[CATALOG/]DISTRO.") var name: String
        @Option(help: "A version without the fault. Needed to begin.") var good: String?
        @Option(help: "A newer version with the fault; the newest by default.") var bad: String?
        @Option(name: .customLong("run"), help: "The test: a program that runs in the guest.") var program: String?
        @Option(help: "Seconds that the test may take; one that takes longer says bad.") var timeout = 600
        @Option(help: "Seconds after a guest's start in which it must let the test in by ssh.") var bootTimeout = 300
        @Option(
            help:
                "What it means if nobody can log in to a version: skip (it cannot be told), bad (that is the fault), or stop."
        )
        var noBoot = BisectRun.NoBoot.skip
        @Option(help: "Memory in MiB; by default what the catalog advises.") var memory: Int?
        @Option(help: "Virtual processors.") var cpus: Int?
        @OptionGroup var opening: OpeningOption
        @Option(
            help: "user (the internet), lan (private networks and this host's, too) or none (only ssh to this host).")
        var network: BootCommand.Network?
        @Option(help: "auto, kvm or tcg (software emulation).") var accel: BootCommand.Accel?
        @Option(help: "libvirt's URI; by default that of your own session.") var connect: String?
        @Flag(help: "Boot a vendor's versions that are verified less strictly than your settings ask.")
        var unverified = false
        @Flag(help: "Without --run: return when the guest has started.") var detach = false
        @Flag(help: "With --run: print the result as one JSON object.") var json = false

        func validate() throws {
            try BootCommand.check(memory: memory, cpus: cpus)
            for (option, seconds) in [("--timeout", timeout), ("--boot-timeout", bootTimeout)]
            where !(1...86_400).contains(seconds) {
                throw ValidationError("\(option) must be 1 to 86400 seconds")
            }
            if program == nil, json {
                throw ValidationError("--json goes with --run; 'bisect status --json' shows how far it is")
            }
            if program != nil, detach { throw ValidationError("--detach goes without --run") }
            if bad != nil, good == nil { throw ValidationError("--bad needs --good") }
            guard VersionName(name)?.version == nil else {
                throw ValidationError(
                    "'\(name)' names a version: give the system alone, and its versions with --good and --bad")
            }
        }

        func run() async throws {
            let context = try CommandContext.load()
            let work = BisectWork(context)
            // Read before anything is begun.
            let test = try program.map { try GuestTest(path: $0) }
            let (hold, record, found) = try await work.begin(try VersionName(argument: name), good: good, bad: bad)
            let request = try await request(context, record.system, found)
            guard let test else {
                let start = SessionStart(context: context, detach: detach, json: false)
                return try await BisectByHand(work: work, start: start, request: request).run(hold)
            }
            let runner = BisectByTest(
                work: work, test: test, request: request, limits: .init(boot: bootTimeout, test: timeout),
                noBoot: noBoot)
            let summary = try await runner.run(hold, record)
            if json { try JSONOutput.print(summary) } else { BisectText.show(summary, isNoBootBad: noBoot == .bad) }
            // Nobody can tell which one it is.
            if summary.state != .found { throw ExitCode(ErrorReport.ExitStatus.other) }
        }

        /// How its guests are started: as any guest of the system, but without a home, a folder, published ports and the clipboard.
        private func request(
            _ context: CommandContext, _ system: BisectedSystem, _ found: FoundDistribution?
        ) async throws -> BootRequest {
            let settings = try await BootSettings(
                name: try VersionName(argument: "\(system)"), configuration: context.configuration,
                find: { name in if let found { found } else { try await context.systems().found(name) } })
            if let withheld = BisectCommand.withheld(settings.own) {
                Terminal.note("its guests are thrown away, and do not get \(withheld)")
            }
            let configuration = settings.configuration
            let usual: BootRequest.Display = detach ? .none : GuestWindow.hasDisplay() ? .window : .console
            var request = BootRequest(
                id: SessionID.random(), name: "\(system)", memoryMiB: memory ?? configuration.memoryMiB,
                cpus: cpus ?? configuration.cpus,
                display: program != nil
                    ? .none
                    : opening.display ?? configuration.display.flatMap(BootRequest.Display.init(rawValue:)) ?? usual,
                network: network?.rawValue ?? configuration.network,
                accel: accel?.rawValue ?? configuration.accelerator,
                connect: connect ?? configuration.connect, keepsExchange: false,
                exchangeLimit: configuration.exchangeLimit, allowUnverified: unverified ? true : nil,
                diskSize: settings.own.diskSize)
            request.asksOfTable = Confirmation.isPossible ? true : nil
            request.becomeTrial()
            return request
        }
    }
}

extension BisectCommand {
    /// What is set for a system and its guests do not get here: `the home 'work' and the clipboard`; nil for nothing.
    static func withheld(_ settings: SystemSettings) -> String? {
        var things: [String] = []
        if let home = settings.home, !home.isEmpty { things.append("the home '\(home)'") }
        if let share = settings.share, !share.isEmpty { things.append("the folder \(share)") }
        if let publish = settings.publish, !publish.isEmpty { things.append("published ports") }
        if settings.clipboard?.isOn == true { things.append("the clipboard") }
        guard let last = things.popLast() else { return nil }
        return things.isEmpty ? last : "\(things.joined(separator: ", ")) and \(last)"
    }
}

extension BisectRun.NoBoot: ExpressibleByArgument {}
