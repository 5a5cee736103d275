import ArgumentParser
import Boot
import Formats
import GuestDomain
import Linux

/// `oscircular machines`.
struct MachinesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "machines", abstract: "Kept machines: guests whose disk stays.",
        discussion: """
            'oscircular boot SYSTEM --keep NAME' makes a machine. It goes on from its own disk, on the version that it was made
            of, whatever the catalog has by then. Without a command this lists them.
            """,
        subcommands: [
            List.self, Start.self, Clone.self, Rename.self, Snapshot.self, Revert.self, Grow.self, Export.self,
            Forget.self,
        ], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "Show all kept machines.")

        @Flag(help: "One JSON object.") var json = false

        func run() async throws {
            let rows = try await MachinesCommand.rows(try CommandContext.load())
            if json { return try JSONOutput.print(MachineList(machines: rows)) }
            if rows.isEmpty {
                return Terminal.note("No machine is kept: 'oscircular boot SYSTEM --keep NAME' makes one.")
            }
            for row in rows { MachinesCommand.show(row) }
        }
    }

    struct Start: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "start", abstract: "Start a machine from its own disk.",
            discussion: "Without --detach this stays as the guest's viewer, as 'boot' does.")

        @Argument(help: "The machine.") var name: String
        @Flag(help: "Return when the guest has started, and print its session.") var detach = false
        @Option(help: "Memory in MiB; by default what it had the last time.") var memory: Int?
        @Option(help: "Virtual processors; by default as many as it had the last time.") var cpus: Int?
        @OptionGroup var opening: OpeningOption
        @Option(
            help: "user (the internet), lan (private networks and this host's, too) or none (only ssh to this host).")
        var network: BootCommand.Network?
        @Option(help: "auto, kvm or tcg (software emulation).") var accel: BootCommand.Accel?
        @Option(help: "libvirt's URI; by default that of your own session.") var connect: String?
        @Option(help: "What happens to the files in the guest's exchange folder when it ends: keep or remove.")
        var exchange: BootCommand.Exchange?
        @OptionGroup var sharing: ShareOption
        @OptionGroup var publishing: PublishOption
        @OptionGroup var window: WindowOption
        @Flag(
            help: "Where it is suspended: start its disk all the same, as after a power cut, and throw its memory away."
        )
        var cold = false
        @Flag(help: "With --detach: print the session as one JSON object.") var json = false

        func validate() throws {
            try BootCommand.check(memory: memory, cpus: cpus)
            if json && !detach { throw ValidationError("--json goes with --detach") }
            try publishing.check()
        }

        func run() async throws {
            let context = try CommandContext.load()
            let (name, library) = (name, MachineLibrary(places: context.places))
            let (cold, cache) = (cold, context.cache())
            let record = try await WorkerThread.run(name: "machine") {
                if cold { try library.forgetMemory(of: name, cache: cache) }
                return try library.record(name)
            }
            let key = record.base.key
            // Its memory, processors, disk and home are its own.
            let own = context.configuration.systems["\(key.catalog)/\(key.distribution)"] ?? SystemSettings()
            let configuration = context.configuration.applying(own)
            let usual: BootRequest.Display = detach ? .none : GuestWindow.hasDisplay() ? .window : .console
            var request = BootRequest(
                id: SessionID.random(), name: key.description, memoryMiB: memory, cpus: cpus,
                display: opening.display ?? configuration.display.flatMap(BootRequest.Display.init(rawValue:)) ?? usual,
                network: network?.rawValue ?? configuration.network,
                accel: accel?.rawValue ?? configuration.accelerator, connect: connect ?? configuration.connect,
                keepsExchange: exchange.map { $0 == .keep } ?? (configuration.keepsExchange ? nil : false),
                exchangeLimit: configuration.exchangeLimit, machine: .started(name), home: record.home)
            request.take(
                try ShareChoice(
                    asked: sharing.share, own: own.share, network: request.network, isNetworkAsked: network != nil,
                    isNetworkOwn: own.network != nil), isAllowed: sharing.allowShare)
            request.publish = try publishing.ports(own, network: request.network, isNetworkAsked: network != nil)
            window.apply(to: &request, own: own)
            try await SessionStart(context: context, detach: detach, json: json).run(request)
        }
    }

    // MARK: Rows

    /// What there is, with the sessions that run it.
    static func rows(_ context: CommandContext) async throws -> [MachineRow] {
        let registry = context.registry
        try await WorkerThread.run(name: "stale") { registry.clearStale() }
        let sessions = await registry.statuses()
        let (library, systems, cache) = (
            MachineLibrary(places: context.places), context.systems(), context.cache()
        )
        return try await WorkerThread.run(name: "machines") {
            try library.rows(systems: systems, cache: cache, sessions: sessions)
        }
    }

    static func show(_ row: MachineRow) {
        var parts = [row.name, row.key.map { "\($0)" } ?? "?", row.state.rawValue]
        if let session = row.session { parts.append("session \(session)") }
        if let size = row.size {
            let shared = row.shared > 0 ? " (\(ByteCount.text(row.shared)) shared with other machines)" : ""
            parts.append("\(ByteCount.text(row.used)) written\(shared) of \(ByteCount.text(size))")
        }
        if let suspended = row.suspended { parts.append("suspended as \(suspended)") }
        if let base = row.base { parts.append(base.text) }
        Terminal.print(parts.map(Terminal.clean).joined(separator: "  "))
        if !row.snapshots.isEmpty {
            Terminal.print("    snapshots: \(row.snapshots.map(\.name).joined(separator: ", "))")
        }
        for text in [row.problem].compactMap(\.self) + row.warnings { Terminal.print("    \(Terminal.clean(text))") }
    }

    /// Makes a change, and shows the machine afterwards.
    static func change(
        _ name: String, json: Bool, _ done: String,
        _ body: @escaping @Sendable (MachineLibrary, CommandContext) throws -> Void
    ) async throws {
        let context = try CommandContext.load()
        let library = MachineLibrary(places: context.places)
        let registry = context.registry
        try await WorkerThread.run(name: "machine") {
            // What is left of a session that was killed may hold the machine.
            registry.clearStale()
            try body(library, context)
        }
        if !json { return Terminal.print(done) }
        guard let row = try await rows(context).first(where: { $0.name == name }) else {
            throw MachineError.noSuchMachine(name, near: [])
        }
        try JSONOutput.print(row)
    }
}
