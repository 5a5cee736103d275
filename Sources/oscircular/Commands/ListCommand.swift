import ArgumentParser
import Boot
import Catalog
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
        var rows = overview.systems.map(DistributionRow.init)
        if let distribution {
            let name = VersionName(distribution)
            rows = rows.filter { $0.id == name?.distribution && (name?.catalog == nil || $0.catalog == name?.catalog) }
            if rows.isEmpty {
                let near = NearNames.suggest(
                    distribution, among: copies.compactMap(\.document).flatMap(\.distributions).map(\.id))
                throw copies.isEmpty
                    ? CatalogAccessError.noCatalogs : CatalogAccessError.noSuchDistribution(distribution, near: near)
            }
        }
        CatalogCommand.List.noteDamaged(library)
        if json {
            try JSONOutput.print(ListOutput(catalogs: copies.map(CatalogRow.init), distributions: rows))
        } else {
            show(copies, rows, library)
        }
        await DepartedVersions(places: context.places, library: library, cache: context.cache())
            .tidy(context.registry)
    }

    private func show(_ copies: [CatalogCopy], _ rows: [DistributionRow], _ library: CatalogLibrary) {
        if copies.isEmpty { return CatalogCommand.List.noteNone(library) }
        for copy in copies where copy.state != .fresh {
            let reason = copy.error.map { ": \(ErrorReport($0).message)" } ?? ""
            Terminal.note("\(copy.source.name) is \(copy.state.rawValue)\(reason)")
        }
        for row in rows {
            let versions = distribution == nil ? Array(row.versions.prefix(1)) : row.versions
            for version in versions {
                let name = Terminal.clean(row.title)
                let toBoot =
                    (version.offline == "no" ? version.toBoot : nil).map { "  \(ByteCount.text($0)) to boot" } ?? ""
                let offline =
                    switch version.offline {
                    case "whole": "  whole"
                    case "boots": "  boots offline"
                    default: ""
                    }
                let marks = (version.running ? "  running" : "") + (version.pinned ? "  pinned" : "")
                Terminal.print(
                    "\(row.catalog)/\(row.id)@\(version.id)  \(name)  \(ByteCount.text(version.size))  "
                        + "\(ByteCount.text(version.here)) here\(toBoot)\(offline)\(marks)")
            }
            // Those that nobody has here are of interest only to who asks.
            for version in row.withdrawn ?? [] where distribution != nil || version.here || version.running {
                let marks = version.running ? "  running" : version.here ? "  here" : ""
                let why = version.why.isEmpty ? "" : ": \(Terminal.clean(version.why))"
                Terminal.print(
                    "\(row.catalog)/\(row.id)@\(version.id)  withdrawn on \(version.when.prefix(10))\(why)\(marks)")
            }
        }
    }
}
