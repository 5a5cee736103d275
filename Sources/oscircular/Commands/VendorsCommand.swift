import ArgumentParser
import Boot
import Catalog
import Formats
import Vendors

/// `oscircular vendors list|check|changes|accept`.
struct VendorsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vendors",
        abstract: "Show the systems that vendors offer themselves, and check the table of them.",
        subcommands: [List.self, Check.self, Changes.self, Accept.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Show the table of vendors; no vendor is asked.")

        @Flag(help: "One JSON object.") var json = false

        func run() async throws {
            let (library, table) = try CommandContext.load().vendorTable()
            let rows = library.rows.map { VendorRowOutput($0, library, table.change(of: $0.id, system: nil)) }
            CommandContext.note(table)
            if json { return try JSONOutput.print(["systems": rows]) }
            for (vendor, rows) in VendorsCommand.groups(rows) {
                Terminal.print(Terminal.clean(vendor))
                for row in rows { Terminal.print("  \(row.id)  \(Terminal.clean(row.title))  \(row.facts)") }
            }
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check",
            abstract: "Ask vendors for their newest builds, sums and signatures, and say what was found.",
            discussion:
                "Ends with 65 if a vendor's answer is not what the table says, 78 if a file of the table is wrong, and 75 if a vendor did not answer."
        )

        @Argument(help: "Vendors or systems; without any, all.") var names: [String] = []
        @Flag(help: "One JSON object.") var json = false

        /// Systems that are asked about at the same time.
        private static let atOnce = 6

        func run() async throws {
            let (library, table) = try CommandContext.load().vendorTable()
            CommandContext.note(table)
            var rows: [VendorRow] = names.isEmpty ? library.rows : []
            for name in names {
                let named = library.table.rows.filter { $0.vendor == name }
                guard !named.isEmpty || library.hint(name) != nil else {
                    let known = library.table.vendors.map(\.name) + library.table.rows.map(\.id)
                    throw VendorsError.noSuchSystem(name, near: NearNames.suggest(name, among: known))
                }
                rows += named.isEmpty ? [library.hint(name)].compactMap(\.self) : named
            }
            let findings = try await examine(rows, library)
            if json { try JSONOutput.print(["systems": findings]) }
            let states = Set(findings.map(\.state))
            if states.contains(.structural) || states.contains(.unverified) {
                throw ExitCode(ErrorReport.ExitStatus.malformed)
            }
            if !table.faults.isEmpty { throw ExitCode(ErrorReport.ExitStatus.configuration) }
            if states.contains(.transient) { throw ExitCode(ErrorReport.ExitStatus.tryAgain) }
        }

        /// Each is shown as soon as those before it are.
        private func examine(_ rows: [VendorRow], _ library: VendorLibrary) async throws -> [VendorFinding] {
            try await withThrowingTaskGroup(of: (Int, VendorFinding).self) { group in
                var found: [Int: VendorFinding] = [:]
                var (started, shown) = (0, 0)
                func start() {
                    guard started < rows.count else { return }
                    let (position, row) = (started, rows[started])
                    started += 1
                    group.addTask { (position, try await library.examine(row)) }
                }
                for _ in 0..<Check.atOnce { start() }
                while let (position, finding) = try await group.next() {
                    found[position] = finding
                    start()
                    while let next = found[shown] {
                        if !json { Check.show(next) }
                        shown += 1
                    }
                }
                return rows.indices.compactMap { found[$0] }
            }
        }

        private static func show(_ finding: VendorFinding) {
            var facts = [finding.state.rawValue, finding.system]
            if let build = finding.build { facts.append("build \(build)") }
            let first = finding.downloadFirst == true ? " to download first" : ""
            if let size = finding.size { facts.append("\(ByteCount.text(size))\(first)") }
            if let packed = finding.packed { facts.append("packed as \(packed)") }
            if finding.build != nil { facts.append(finding.trust.words) }
            if let key = finding.signedBy { facts.append("signed by \(key.prefix(16))") }
            Terminal.print(Terminal.clean(facts.joined(separator: "  ")))
            for (word, text) in [
                ("", finding.problem), ("", finding.warning), ("never checked: ", finding.unchecked),
            ] {
                guard let text else { continue }
                Terminal.print("    \(word)\(Terminal.clean(text))")
            }
        }
    }

    private static func groups(_ rows: [VendorRowOutput]) -> [(String, [VendorRowOutput])] {
        var groups: [(String, [VendorRowOutput])] = []
        for row in rows {
            if let position = groups.firstIndex(where: { $0.0 == row.group }) {
                groups[position].1.append(row)
            } else {
                groups.append((row.group, [row]))
            }
        }
        return groups
    }
}

/// A system in `vendors list`.
private struct VendorRowOutput: Encodable {
    let id: String
    let title: String
    let vendor: String
    let group: String
    let release: String?
    let kind: String
    let architecture: String
    let aliases: [String]
    let format: String
    let trust: TrustLevel
    let size: UInt64?
    /// When the vendor was last asked; nil for never.
    let asked: Timestamp?
    let newest: String?
    let problem: String?
    let unchecked: String?
    /// The catalog whose table has it; nil for the installed one and your own.
    let catalog: String?
    /// What a catalog's table would change of it, and you have not allowed.
    let change: String?
    private let isWholeFirst: Bool
    /// Nil for what is streamed.
    let packed: String?

    private enum CodingKeys: CodingKey {
        case id, title, vendor, group, release, kind, architecture, aliases, format, trust, size, asked, newest, problem
        case unchecked, catalog, change, packed
    }

    init(_ row: VendorRow, _ library: VendorLibrary, _ change: TableChange?) {
        (catalog, self.change) = (row.origin.catalog, change?.text)
        (id, title, vendor, group) = (row.id, row.title, row.vendor, row.group)
        (release, kind, architecture, aliases) = (row.release, row.kind.rawValue, row.architecture, row.aliases)
        (format, trust, unchecked) = (row.format.rawValue, row.proof.trust, row.unchecked)
        (isWholeFirst, packed) = (row.isWholeFirst, row.packing?.rawValue)
        asked = library.listed(row.id)
        problem = library.fault(of: row.id).map { "\($0)" }
        let newest = asked == nil ? nil : library.known(row.id)?.versions.first
        self.newest = newest?.id.text
        size = newest?.source?.size ?? row.sizeHint
    }

    var facts: String {
        var facts = [newest ?? "not asked yet"]
        if let size { facts.append("\(ByteCount.text(size))\(isWholeFirst ? " to download first" : "")") }
        facts.append(trust.words)
        if let problem { facts.append(Terminal.clean(problem)) }
        if change != nil { facts.append("a change waits for your word") }
        return facts.joined(separator: "  ")
    }
}

extension CommandContext {
    /// The whole table, also where vendors' systems are not offered.
    func vendorTable() -> (library: VendorLibrary, table: SystemsTable) {
        let table = SystemsTable(places: places, settings: configuration.vendors, catalogs: library())
        let vendors = VendorLibrary(
            table: table.table, directory: places.vendors, transfers: transfers(),
            hidden: configuration.vendors.hidden)
        return (vendors, table)
    }

    /// Says where a name means what it meant before a change that waits.
    static func noteChange(of name: VersionName, _ systems: SystemsLibrary) async {
        guard let change = await systems.tableChange(of: name) else { return }
        Terminal.note("oscircular: \(Terminal.clean(change.keptText))")
    }

    /// Says what of the table is not used, and how many changes wait.
    static func note(_ table: SystemsTable) {
        noteFaults(of: table.faults)
        guard !table.changes.isEmpty else { return }
        let count = table.changes.count == 1 ? "a change waits" : "\(table.changes.count) changes wait"
        Terminal.note("oscircular: \(count) in tables of catalogs: 'oscircular vendors changes' shows what they are")
    }
}
