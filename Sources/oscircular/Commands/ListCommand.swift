import ArgumentParser
import Boot
import Catalog
import Formats
import Linux

/// `oscircular list [DISTRO]`.
struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Show the operating systems of your catalogs and of vendors, or the versions of one.")

    @Argument(help: "Show all versions of this distribution, or the systems of this catalog; vendors' are 'vendors'.")
    var distribution: String?
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
        // What lies on the disk has to do: a list starts no libvirt.
        let cache = context.cache()
        let reader = SystemsReader(
            places: context.places, systems: systems, cache: cache,
            warm: WarmOutlook(
                library: WarmLibrary(cache: cache.directory), configuration: context.configuration))
        let overview = try await WorkerThread.run(name: "list") { [copies] in
            reader.details(reader.outline(copies, sessions: sessions))
        }
        let rows = try distribution.map { try chosen($0, overview.systems, copies, systems) } ?? overview.systems
        CatalogCommand.List.noteDamaged(library)
        CommandContext.note(systems.table)
        let followed = copies.filter { !$0.source.isVendors }
        if json {
            try JSONOutput.print(ListOutput(catalogs: followed.map(CatalogRow.init), distributions: rows))
        } else if copies.isEmpty {
            CatalogCommand.List.noteNone(library)
        } else {
            // Asked for only where somebody is told.
            let isPending = rows.contains { $0.versions.contains { $0.trust == .whole && !$0.isVerified } }
            let fetchesRest = isPending ? await context.configuration.fetchesRest() : true
            show(followed, rows, fetchesRest: fetchesRest)
        }
        await DepartedVersions(places: context.places, systems: systems, cache: context.cache())
            .tidy(context.registry)
    }

    /// The rows that a word means: those of a distribution, or of all catalogs, or of a catalog where no distribution has the name.
    private func chosen(
        _ text: String, _ rows: [SystemSummary], _ copies: [CatalogCopy], _ systems: SystemsLibrary
    ) throws -> [SystemSummary] {
        let name = VersionName(text)
        let meant = name.flatMap { name in copies.lazy.compactMap { $0.aliases[name.distribution] }.first }
        let chosen = rows.filter { row in
            let isMeant =
                row.distribution.id == name?.distribution
                || row.source.isVendors && meant != nil && row.distribution.id == meant
            return isMeant && (name?.catalog == nil || row.source.name == name?.catalog)
        }
        if !chosen.isEmpty { return chosen }
        if copies.contains(where: { $0.source.name == text }) { return rows.filter { $0.source.name == text } }
        // It says what is near.
        if let name, !copies.isEmpty { _ = try systems.find(name, in: copies) }
        throw copies.isEmpty ? CatalogAccessError.noCatalogs : CatalogAccessError.noSuchDistribution(text, near: [])
    }

    /// Whether all versions are shown, and not the newest of each system.
    private func showsVersions(_ systems: [SystemSummary]) -> Bool {
        guard let distribution else { return false }
        return !systems.allSatisfy { $0.source.name == distribution && $0.distribution.id != distribution }
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

    private func show(_ copies: [CatalogCopy], _ systems: [SystemSummary], fetchesRest: Bool) {
        for copy in copies where copy.state != .fresh {
            let reason = copy.error.map { ": \(ErrorReport($0).message)" } ?? ""
            Terminal.note("\(copy.source.name) is \(copy.state.rawValue)\(reason)")
        }
        let isWhole = showsVersions(systems)
        var groups: Set<String> = []
        for system in systems where system.processorGroup == nil {
            guard let group = system.group else {
                show(system, indent: "", isWhole: isWhole, fetchesRest)
                continue
            }
            // Under one heading, wherever they stand in the table.
            guard groups.insert(group).inserted else { continue }
            Terminal.print("\(Terminal.clean(group)):")
            for system in systems where system.group == group && system.processorGroup == nil {
                show(system, indent: "  ", isWhole: isWhole, fetchesRest)
            }
        }
        showOtherProcessors(systems, isWhole: isWhole, fetchesRest)
    }

    /// What vendors have for other processors than this machine's: a line for those that cannot boot here, unless they were asked for.
    private func showOtherProcessors(_ systems: [SystemSummary], isWhole: Bool, _ fetchesRest: Bool) {
        for group in Set(systems.compactMap(\.processorGroup)).sorted() {
            let members = systems.filter { $0.processorGroup == group }
            guard let words = members.first?.emulation.words else { continue }
            guard distribution != nil || members.first?.emulation.isBootable == true else {
                Terminal.print(
                    "\(Terminal.clean(group)): \(members.count) systems ('oscircular list \(CatalogSource.vendorsName)' shows them); each \(words)"
                )
                continue
            }
            Terminal.print("\(Terminal.clean(group)) (\(words)):")
            for system in members { show(system, indent: "  ", isWhole: isWhole, fetchesRest) }
        }
    }

    private func show(_ system: SystemSummary, indent: String, isWhole: Bool, _ fetchesRest: Bool) {
        let title = Terminal.clean(system.distribution.title)
        if system.source.isVendors, system.versions.isEmpty {
            var size = system.listing?.sizeHint.map { "  about \(ByteCount.text($0))" } ?? ""
            if system.listing?.isWholeFirst == true { size += "\(size.isEmpty ? " " : "") to download first" }
            let asked = system.listing?.asked == nil ? "  not asked yet" : "  no builds"
            Terminal.print("\(indent)\(system.source.name)/\(system.distribution.id)  \(title)\(size)\(asked)")
            return
        }
        for version in isWhole ? system.versions : system.newest.map({ [$0] }) ?? [] {
            // Vendors' have it in their heading.
            let emulation = system.processorGroup == nil ? system.emulation.words : nil
            var facts =
                ListCommand.facts(version, fetchesRest: fetchesRest)
                + (emulation.map { ["\(system.distribution.architecture): \($0)"] } ?? [])
            if !isWhole, let newest = system.passedOver, let fault = newest.unhealthy {
                facts.append("\(newest.key.version) \(fault.words) on \(fault.day)")
            }
            Terminal.print("\(indent)\(version.key)  \(title)  \(Terminal.clean(facts.joined(separator: "  ")))")
        }
        // Without a distribution only those that concern somebody here.
        for withdrawn in system.withdrawn where isWhole || withdrawn.isHere || withdrawn.isRunning {
            let name = "\(system.source.name)/\(system.distribution.id)@\(withdrawn.version.id)"
            let mark = withdrawn.isRunning ? "  running" : withdrawn.isHere ? "  cached" : ""
            Terminal.print("\(name)  \(Terminal.clean(withdrawn.version.words))\(mark)")
        }
    }

    /// - Parameter fetchesRest: whether the rest of a vendor's file is fetched while its guest runs.
    private static func facts(_ version: VersionSummary, fetchesRest: Bool) -> [String] {
        let size = version.version.source.map { $0.size ?? 0 } ?? version.version.size
        var facts = size == 0 ? [] : [ByteCount.text(size)]
        facts.append("\(ByteCount.text(version.here)) cached")
        switch version.offline {
        case .no where version.isWholeFirst:
            facts.append("\(version.downloadFirst.map { "\(ByteCount.text($0)) " } ?? "")to download first")
        case .no:
            if let toBoot = version.toBoot {
                facts.append("\(version.isBootSetDerived ? "about " : "")\(ByteCount.text(toBoot)) to boot")
            }
        case .boots: facts.append("boots offline")
        case .whole: facts.append("whole")
        }
        if version.isWarm { facts.append("starts in a second") }
        if version.isRunning { facts.append("running") }
        if version.isPinned { facts.append("pinned") }
        // Not where it is the version's day again.
        if let build = version.build, build.filter(\.isNumber) != version.version.id.text.filter(\.isNumber) {
            facts.append("build \(Terminal.clean(build))")
        }
        if let trust = version.trust {
            let words = trust == .whole && !fetchesRest ? "not yet verified" : trust.words
            facts.append(version.isVerified ? "verified" : words)
        }
        if version.isGone {
            let all = version.content ?? 0
            let share = all == 0 ? 0 : version.here * 100 / all
            facts.append("no longer offered, \(share) % here")
        }
        if let unhealthy = version.unhealthy { facts.append("\(unhealthy.words) here on \(unhealthy.day)") }
        if let fault = version.fault { facts.append("was not what its vendor says: \(Terminal.clean(fault))") }
        return facts
    }
}

/// `list --json`.
struct ListOutput: Encodable {
    let catalogs: [CatalogRow]
    let distributions: [SystemSummary]
}
