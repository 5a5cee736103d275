import ArgumentParser
import Boot
import Catalog
import Formats
import Linux

/// `oscircular list [DISTRO]`.
struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Show the operating systems of your catalogs, or the versions of one.")

    @Argument(help: "Show all versions of this distribution.") var distribution: String?
    @Flag(help: "One JSON object.") var json = false

    func run() async throws {
        let context = try CommandContext.load()
        let library = context.library()
        try library.requireReadable()
        let copies = await library.copies(refresh: true)
        let sessions = await context.registry.statuses()
        let reader = SystemsReader(places: context.places, library: library, cache: context.cache())
        let overview = try await WorkerThread.run(name: "list") {
            reader.details(reader.outline(copies, sessions: sessions))
        }
        var systems = overview.systems
        if let distribution {
            let name = VersionName(distribution)
            systems.removeAll {
                $0.distribution.id != name?.distribution
                    || name?.catalog != nil && $0.source.name != name?.catalog
            }
            if systems.isEmpty {
                let near = NearNames.suggest(
                    distribution, among: copies.compactMap(\.document).flatMap(\.distributions).map(\.id))
                throw copies.isEmpty
                    ? CatalogAccessError.noCatalogs : CatalogAccessError.noSuchDistribution(distribution, near: near)
            }
        }
        CatalogCommand.List.noteDamaged(library)
        if json {
            try JSONOutput.print(ListOutput(catalogs: copies.map(CatalogRow.init), distributions: systems))
        } else {
            show(copies, systems, library)
        }
        await DepartedVersions(places: context.places, library: library, cache: context.cache())
            .tidy(context.registry)
    }

    private func show(_ copies: [CatalogCopy], _ systems: [SystemSummary], _ library: CatalogLibrary) {
        if copies.isEmpty { return CatalogCommand.List.noteNone(library) }
        for copy in copies where copy.state != .fresh {
            let reason = copy.error.map { ": \(ErrorReport($0).message)" } ?? ""
            Terminal.note("\(copy.source.name) is \(copy.state.rawValue)\(reason)")
        }
        for system in systems {
            let title = Terminal.clean(system.distribution.title)
            for version in distribution == nil ? Array(system.versions.prefix(1)) : system.versions {
                Terminal.print("\(version.key)  \(title)  \(ListCommand.facts(version).joined(separator: "  "))")
            }
            // Without a distribution only those that concern somebody here.
            for withdrawn in system.withdrawn where distribution != nil || withdrawn.isHere || withdrawn.isRunning {
                let name = "\(system.source.name)/\(system.distribution.id)@\(withdrawn.version.id)"
                let mark = withdrawn.isRunning ? "  running" : withdrawn.isHere ? "  cached" : ""
                Terminal.print("\(name)  \(Terminal.clean(withdrawn.version.words))\(mark)")
            }
        }
    }

    private static func facts(_ version: VersionSummary) -> [String] {
        var facts = [ByteCount.text(version.version.size), "\(ByteCount.text(version.here)) cached"]
        switch version.offline {
        case .no: if let toBoot = version.toBoot { facts.append("\(ByteCount.text(toBoot)) to boot") }
        case .boots: facts.append("boots offline")
        case .whole: facts.append("whole")
        }
        if version.isRunning { facts.append("running") }
        if version.isPinned { facts.append("pinned") }
        return facts
    }
}

/// `list --json`.
struct ListOutput: Encodable {
    let catalogs: [CatalogRow]
    let distributions: [SystemSummary]
}
