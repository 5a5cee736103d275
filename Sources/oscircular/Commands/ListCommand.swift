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
    @Flag(help: "Ask no server.") var offline = false
    @Flag(help: "One JSON object.") var json = false

    func run() async throws {
        let context = try CommandContext.load()
        let systems = context.systems()
        let library = systems.catalogs
        try library.requireReadable()
        var copies = await systems.copies(refresh: !offline)
        if let distribution { copies = try await withBuilds(of: distribution, copies, systems) }
        let sessions = await context.registry.statuses()
        let reader = SystemsReader(places: context.places, systems: systems, cache: context.cache())
        let overview = try await WorkerThread.run(name: "list") { [copies] in
            reader.details(reader.outline(copies, sessions: sessions))
        }
        var rows = overview.systems
        if let distribution {
            let name = VersionName(distribution)
            let meant = name.flatMap { name in copies.lazy.compactMap { $0.aliases[name.distribution] }.first }
            rows.removeAll { row in
                let isMeant =
                    row.distribution.id == name?.distribution
                    || row.source.isVendors && meant != nil && row.distribution.id == meant
                return !isMeant || name?.catalog != nil && row.source.name != name?.catalog
            }
            if rows.isEmpty {
                let near = NearNames.suggest(
                    distribution,
                    among: copies.flatMap { ($0.document?.distributions.map(\.id) ?? []) + $0.aliases.keys })
                throw copies.isEmpty
                    ? CatalogAccessError.noCatalogs : CatalogAccessError.noSuchDistribution(distribution, near: near)
            }
        }
        CatalogCommand.List.noteDamaged(library)
        let followed = copies.filter { !$0.source.isVendors }
        if json {
            try JSONOutput.print(ListOutput(catalogs: followed.map(CatalogRow.init), distributions: rows))
        } else if copies.isEmpty {
            CatalogCommand.List.noteNone(library)
        } else {
            show(followed, rows)
        }
        await DepartedVersions(places: context.places, systems: systems, cache: context.cache())
            .tidy(context.registry)
    }

    /// The copies with a vendor's builds as they are now, where it is a vendor's system that is asked for.
    private func withBuilds(
        of text: String, _ copies: [CatalogCopy], _ systems: SystemsLibrary
    ) async throws -> [CatalogCopy] {
        // What is no name, or names nothing, is told below.
        guard !offline, let name = VersionName(text), let found = try? name.find(in: copies),
            found.copy.source.isVendors
        else { return copies }
        do {
            // It may have no version of the name; the listing is what counts.
            try await systems.lookUp(found)
        } catch  where !found.distribution.versions.isEmpty {
            Terminal.note("\(found.distribution.id): \(ErrorReport(error).message)")
        }
        return await systems.copies(refresh: false)
    }

    private func show(_ copies: [CatalogCopy], _ systems: [SystemSummary]) {
        for copy in copies where copy.state != .fresh {
            let reason = copy.error.map { ": \(ErrorReport($0).message)" } ?? ""
            Terminal.note("\(copy.source.name) is \(copy.state.rawValue)\(reason)")
        }
        var group: String?
        for system in systems {
            let title = Terminal.clean(system.distribution.title)
            if system.group != group, let next = system.group {
                Terminal.print("\(Terminal.clean(next)):")
            }
            group = system.group
            let indent = group == nil ? "" : "  "
            if system.source.isVendors, system.versions.isEmpty {
                Terminal.print("\(indent)\(system.source.name)/\(system.distribution.id)  \(title)")
                continue
            }
            for version in distribution == nil ? Array(system.versions.prefix(1)) : system.versions {
                Terminal.print(
                    "\(indent)\(version.key)  \(title)  \(ListCommand.facts(version).joined(separator: "  "))")
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
        let size = version.version.source.map { $0.size ?? 0 } ?? version.version.size
        var facts = size == 0 ? [] : [ByteCount.text(size)]
        facts.append("\(ByteCount.text(version.here)) cached")
        switch version.offline {
        case .no: if let toBoot = version.toBoot { facts.append("\(ByteCount.text(toBoot)) to boot") }
        case .boots: facts.append("boots offline")
        case .whole: facts.append("whole")
        }
        if version.isRunning { facts.append("running") }
        if version.isPinned { facts.append("pinned") }
        if let build = version.build, build != version.version.id.text {
            facts.append("build \(Terminal.clean(build))")
        }
        if let trust = version.trust { facts.append(version.isVerified ? "verified" : trust.words) }
        if version.isGone { facts.append("no longer offered") }
        if let fault = version.fault { facts.append("was not what its vendor says: \(Terminal.clean(fault))") }
        return facts
    }
}

/// `list --json`.
struct ListOutput: Encodable {
    let catalogs: [CatalogRow]
    let distributions: [SystemSummary]
}
