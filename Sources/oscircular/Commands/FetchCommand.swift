import ArgumentParser
import Boot
import Catalog
import Formats
import Linux

/// `oscircular fetch`.
struct FetchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch", abstract: "Download whole versions so that they boot offline.",
        discussion: "May be interrupted: what is stored already is verified and not downloaded again.")

    @Argument(help: "[CATALOG/]DISTRO[@VERSION]...; the newest version by default.") var names: [String]
    @Flag(help: "Only what a start needs, as far as that is known: boots offline, no more.") var bootSet = false
    @Flag(
        help:
            "Then boot a guest of it once and keep its memory, so that guests with the settings of now start in a second."
    )
    var warm = false
    @Option(
        help: ArgumentHelp(
            "With --warm: make the state for guests of others, and write it to this new folder, for oscircular-publish.",
            visibility: .hidden))
    var export: String?

    func validate() throws {
        if export != nil && (!warm || names.count != 1) {
            throw ValidationError("--export goes with --warm and one version")
        }
        if warm && bootSet { throw ValidationError("--warm needs all of a version, so it does not go with --boot-set") }
    }

    func run() async throws {
        let names = try names.map { try VersionName(argument: $0) }
        let context = try CommandContext.load()
        if let export, let name = names.first { return try await make(name, context, for: export) }
        for name in names {
            let version = try await fetch(name, context)
            if warm { try await WarmStates(context: context).make(version) }
        }
    }

    /// Makes a warm state for others. Only what its guest reads is fetched.
    private func make(_ name: VersionName, _ context: CommandContext, for folder: String) async throws {
        let version = try await context.systems().choose(name).version
        try await WarmStates(context: context).make(version, isForOthers: true)
        let library = WarmLibrary(cache: context.cache().directory)
        let size = try await WorkerThread.run(name: "export") {
            try library.export(VersionKey(version), to: ResolvedPath.absolute(folder))
        }
        Terminal.print("\(VersionKey(version)): \(ByteCount.text(size)) in \(folder)")
    }

    private func fetch(_ name: VersionName, _ context: CommandContext) async throws -> ChosenVersion {
        let systems = context.systems()
        await CommandContext.noteChange(of: name, systems)
        let version = try await systems.choose(name).version
        // Before anything large is fetched.
        if warm, let obstacle = version.obstacleToPark { throw WarmError.notMade(obstacle) }
        let title = "\(version.distribution.id)@\(version.version.id)"
        let fetch = VersionFetch(
            places: context.places, systems: systems, cache: context.cache(), transfers: context.transfers(),
            failures: MirrorNotice.show)
        let (progress, unpacking) = (
            TransferProgress(phase: "fetch \(title)"), TransferProgress(phase: "unpack \(title)")
        )
        defer { progress.end() }
        let state = try await fetch.run(version, bootSet ? .bootSet : .whole) { state in
            if state.stage == .wait {
                return Terminal.note("waiting for another session, which downloads or unpacks the same file")
            }
            (state.stage == .unpack ? unpacking : progress).update(done: state.done, total: state.total)
        }
        progress.end()
        Terminal.print(
            "\(title): \(ByteCount.text(state.total)) cached, \(ByteCount.text(state.downloaded)) fetched now"
                + FetchCommand.words(state.standing))
        return version
    }

    private static func words(_ standing: FileStanding?) -> String {
        switch standing {
        case nil: ""
        case .verified: ", verified"
        case .compared: ", not verified: it fits the vendor's checksums, which nobody has signed"
        case .unknown: ", not verified: the vendor publishes no checksum to compare it with"
        }
    }
}
