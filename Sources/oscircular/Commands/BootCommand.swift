import ArgumentParser
import Boot
import Catalog
import Formats
import GuestDomain
import Linux

/// `oscircular boot`.
struct BootCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "boot", abstract: "Boot an operating system now; its disk streams in.",
        discussion: """
            Without --detach this stays as the guest's viewer: Ctrl-] leaves its console, then Ctrl-C asks the guest to shut
            down and a second one forces it. Closing the terminal leaves the guest running.
            """)

    @Argument(help: "[CATALOG/]DISTRO[@VERSION]; the newest version by default.") var name: String
    @Flag(help: "Return when the guest has started, and print its session.") var detach = false
    @Option(help: "Memory in MiB; by default what the catalog advises.") var memory: Int?
    @Option(help: "Virtual processors.") var cpus: Int?
    @OptionGroup var opening: OpeningOption
    @Option(
        help: "user (the internet), lan (private networks and this host's, too) or none (only ssh to this host).")
    var network: Network?
    @Option(help: "auto, kvm or tcg (software emulation).") var accel: Accel?
    @Option(help: "libvirt's URI; by default that of your own session.") var connect: String?
    @Option(help: "What happens to the files in the guest's exchange folder when it ends: keep or remove.")
    var exchange: Exchange?
    @Flag(help: "Boot a vendor's version that is verified less strictly than your settings ask.") var unverified = false
    @Option(
        help:
            "A file of your own for the first boot of an image with cloud-init, Ignition or nuageinit, obeyed after what lets you log in."
    )
    var userData: String?
    @Option(
        help:
            "Keep the guest as a machine of this name: what it writes stays, and 'oscircular machines start' goes on from it."
    )
    var keep: String?
    @Option(help: "The guest's disk is this large, such as 20GiB; by default as large as its image.") var disk: String?
    @Option(
        help:
            "The home that the guest's user gets, made where there is none: a disk that stays. See 'oscircular homes'.")
    var home: String?
    @Flag(help: "With --home: give it to a system that has not had it before, or is not verified.") var allowHome =
        false
    @OptionGroup var sharing: ShareOption
    @OptionGroup var publishing: PublishOption
    @Option(
        help: ArgumentHelp(
            "Seconds that a version has to come to its login if it has not done so here before; then the last one that did boots in its place. 0: as long as it likes.",
            valueName: "seconds"))
    var healthy: Int?
    @Flag(help: "Boot even where it would start warm, from a guest that was made ahead.") var cold = false
    @OptionGroup var window: WindowOption
    @Flag(help: "With --detach: print the session as one JSON object.") var json = false

    typealias Display = BootRequest.Display

    enum Network: String, CaseIterable, ExpressibleByArgument { case user, lan, none }
    enum Exchange: String, CaseIterable, ExpressibleByArgument { case keep, remove }
    enum Accel: String, CaseIterable, ExpressibleByArgument { case auto, kvm, tcg }

    func validate() throws {
        try BootCommand.check(memory: memory, cpus: cpus)
        if json && !detach { throw ValidationError("--json goes with --detach") }
        // As the parser's own errors, with the usage.
        do {
            _ = try VersionName(argument: name)
            if let keep { try MachineError.check(name: keep) }
            // Empty for none, where one is set for the system.
            if let home, !home.isEmpty { _ = try KeptName(argument: home) }
        } catch { throw ValidationError(ErrorReport(error).message) }
        _ = try DiskSizeArgument.bytes(disk, "--disk")
        try publishing.check()
        if let healthy, !SystemSettings.healthyBounds.contains(healthy) {
            throw ValidationError("--healthy must be 0 to \(SystemSettings.healthyBounds.upperBound) seconds")
        }
    }

    /// - Throws: `ValidationError` for what no guest can have.
    static func check(memory: Int?, cpus: Int?) throws {
        if let memory, !(16...1_048_576).contains(memory) {
            throw ValidationError("--memory must be 16 to 1048576 MiB")
        }
        if let cpus, !(1...512).contains(cpus) { throw ValidationError("--cpus must be 1 to 512") }
    }

    func run() async throws {
        let context = try CommandContext.load()
        let settings = try await BootSettings(
            name: try VersionName(argument: name), configuration: context.configuration,
            find: { try await found($0, context) })
        var request = request(settings, userData: try await userDataText())
        request.take(
            try ShareChoice(
                asked: sharing.share, own: settings.own.share, network: request.network,
                isNetworkAsked: network != nil, isNetworkOwn: settings.own.network != nil),
            isAllowed: sharing.allowShare, setting: sharing.share == nil ? settings.shareSetting : nil)
        request.publish = try publishing.ports(
            settings.own, network: request.network, isNetworkAsked: network != nil)
        try await SessionStart(context: context, detach: detach, json: json).run(request)
    }

    /// Finds the system that a name means. A name may be known only by what a catalog's table would change: that is asked first, as the
    /// session would, which then finds the answer.
    private func found(_ name: VersionName, _ context: CommandContext) async throws -> FoundDistribution {
        let systems = context.systems()
        guard Confirmation.isPossible, let change = await systems.tableChange(of: name), systems.table.isOpen(change)
        else { return try await systems.found(name) }
        let isAllowed = Confirmation.ask(Terminal.clean(change.question))
        try TableAnswers(places: context.places).keep(change, isAllowed: isAllowed)
        return try await context.systems().found(name)
    }

    private func userDataText() async throws -> String? {
        guard let userData else { return nil }
        return try await WorkerThread.run(name: "user data") { try UserData.read(userData).text }
    }

    private func request(_ settings: BootSettings, userData: String?) -> BootRequest {
        let configuration = settings.configuration
        let usual: Display = detach ? .none : GuestWindow.hasDisplay() ? .window : .console
        var request = BootRequest(
            id: SessionID.random(), name: settings.name, memoryMiB: memory ?? configuration.memoryMiB,
            cpus: cpus ?? configuration.cpus,
            display: opening.display ?? configuration.display.flatMap(Display.init(rawValue:)) ?? usual,
            network: network?.rawValue ?? configuration.network, accel: accel?.rawValue ?? configuration.accelerator,
            connect: connect ?? configuration.connect,
            keepsExchange: exchange.map { $0 == .keep } ?? (configuration.keepsExchange ? nil : false),
            exchangeLimit: configuration.exchangeLimit, allowUnverified: unverified ? true : nil, userData: userData,
            machine: keep.map { .new($0) }, diskSize: disk.flatMap(ByteCount.parse) ?? settings.own.diskSize,
            home: (home ?? settings.own.home).flatMap { $0.isEmpty ? nil : $0 }, allowHome: allowHome ? true : nil)
        // A machine stays on its own version.
        request.healthy = healthy ?? (keep == nil ? configuration.healthySeconds : nil)
        request.bootsCold = cold || configuration.warm.use == .never ? true : nil
        window.apply(to: &request, own: settings.own)
        request.asksOfTable = Confirmation.isPossible ? true : nil
        return request
    }
}
