import ArgumentParser
import Boot
import Catalog
import Formats

/// `oscircular fetch`.
struct FetchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch", abstract: "Download a whole version so that it boots offline.",
        discussion: "May be interrupted: what is stored already is verified and not downloaded again.")

    @Argument(help: "[CATALOG/]DISTRO[@VERSION]; the newest version by default.") var name: String
    @Flag(help: "Only what a start needs, as far as that is known: boots offline, no more.") var bootSet = false

    func run() async throws {
        let name = try VersionName(argument: name)
        let context = try CommandContext.load()
        let systems = context.systems()
        await CommandContext.noteChange(of: name, systems)
        let version = try await systems.choose(name).version
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
