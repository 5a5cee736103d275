import Catalog
import ContentAddress
import FoundationEssentials
import Linux
import Vendors

/// The table of vendors as this user has it, and what he has said to changes that catalogs make of it.
///
/// State: `STATE/vendor-table/record.json`, and a file for each answer in `answers/`.
package struct SystemsTable: Sendable {
    package private(set) var table = VendorTable()
    /// What is wrong with files, and with what the settings and catalogs say; the rest is used.
    package private(set) var faults: [VendorsError] = []
    /// What catalogs would change, and the user has not allowed: it does not count.
    package private(set) var changes: [TableChange] = []
    /// Those of ``changes`` to which he has said no: he is not asked again.
    private var declined: Set<TableChange> = []

    /// Tells the catalogs' tables that were read from others: their names and digests.
    package private(set) var stamp: [String: String] = [:]

    private static let longestRecord = 64 << 20

    package init() {}

    /// Reads all of it, and notes what counts from now on as known.
    /// - Parameter catalogs: their stored tables are used; no server is asked.
    package init(places: Places, settings: VendorSettings, catalogs: CatalogLibrary) {
        stamp = SystemsTable.stamp(of: catalogs)
        let installed = VendorTable.load(folders: places.installedTables)
        let own = VendorTable.load(folders: places.ownTables)
        let tables = layers(of: settings, catalogs)
        guard !tables.isEmpty else {
            table = TableAssembly(installed: installed, own: own).table
            faults += table.faults
            return
        }
        let answers = TableAnswers(places: places).all()
        let path = "\(places.tableRecord)/record.json"
        let record = SystemsTable.record(path)
        let assembly = TableAssembly(
            installed: installed, own: own, catalogs: tables, record: record, allowed: answers.allowed)
        (table, changes, declined) = (assembly.table, assembly.changes, answers.declined)
        faults += table.faults
        guard assembly.record != record else { return }
        // Where it cannot be written, the next change of a new system is compared with nothing; its table cannot be written then, either.
        let isKept = (try? SystemsTable.write(assembly.record, to: path, places)) ?? true
        if !isKept {
            faults.append(
                .state(path: path, reason: "is full: what new systems of catalogs' tables change is not asked about"))
        }
    }

    /// What ``stamp`` would be now.
    package static func stamp(of catalogs: CatalogLibrary) -> [String: String] {
        Dictionary(
            catalogs.sources().compactMap { source in catalogs.tableDigest(of: source).map { (source.name, $0) } }
        ) { first, _ in first }
    }

    /// Whether the user is to be asked about a change.
    package func isOpen(_ change: TableChange) -> Bool { !declined.contains(change) }

    /// The change that waits of what a name means, or of the system that it means.
    package func change(of name: String, system: String?) -> TableChange? {
        changes.first { $0.name == name } ?? changes.first { $0.name == system }
    }

    private mutating func layers(of settings: VendorSettings, _ catalogs: CatalogLibrary) -> [CatalogLayer] {
        let sources = catalogs.sources()
        if let from = settings.from, !sources.contains(where: { $0.name == from }) {
            faults.append(
                .catalogsTable(
                    catalog: from,
                    reason: "is not used: the setting vendors.from names a catalog that is not followed; "
                        + "'oscircular catalog add \(from) URL' follows it"))
        }
        return sources.compactMap { source in
            guard let kept = catalogs.table(of: source) else {
                if source.name == settings.from {
                    faults.append(
                        .catalogsTable(
                            catalog: source.name,
                            reason: "does not exist: its publisher has signed none, and the setting vendors.from "
                                + "names it"))
                }
                return nil
            }
            if let fault = kept.fault {
                let rest = kept.tables == nil ? "" : "; the one before it is used"
                faults.append(.catalogsTable(catalog: source.name, reason: fault + rest))
            }
            guard let tables = kept.tables else { return nil }
            return CatalogLayer(
                catalog: source.name, at: kept.kind, isApart: source.name != settings.from, files: tables.files)
        }
    }

    private static func record(_ path: String) -> TableRecord {
        // What is not there, or spoiled, knows nothing: what is installed is compared with all the same.
        guard let bytes = try? FileContents.read(path, limit: longestRecord) else { return TableRecord() }
        // As above.
        return (try? JSONDecoder().decode(TableRecord.self, from: Data(bytes))) ?? TableRecord()
    }

    /// - Returns: false where there is more than would be read again: what was written before stays.
    private static func write(_ record: TableRecord, to path: String, _ places: Places) throws -> Bool {
        try Folder.make(places.tableRecord, mode: 0o700)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let bytes = [UInt8](try encoder.encode(record))
        guard bytes.count <= longestRecord else { return false }
        try AtomicFile.write(bytes, to: path, mode: 0o600, durable: true)
        return true
    }
}

/// What the user has said to changes of the table: a file each, `STATE/vendor-table/answers/<SHA-256 of the change>`.
package struct TableAnswers: Sendable {
    private struct Answer: Codable {
        let change: TableChange
        let isAllowed: Bool
    }

    /// Answers that are read, and bytes of the longest.
    private static let (most, longest) = (10_000, 1 << 20)

    private let folder: String

    package init(places: Places) { folder = "\(places.tableRecord)/answers" }

    /// Keeps the user's word on one change; another one of the same system is another matter.
    /// - Throws: ``SystemCallError``.
    package func keep(_ change: TableChange, isAllowed: Bool) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let name = FileDigest.sha256(of: [UInt8](try encoder.encode(change))).hex
        try Folder.make(folder, mode: 0o700)
        try AtomicFile.write(
            [UInt8](try encoder.encode(Answer(change: change, isAllowed: isAllowed))), to: "\(folder)/\(name)",
            mode: 0o600, durable: true)
    }

    func all() -> (allowed: Set<TableChange>, declined: Set<TableChange>) {
        var (allowed, declined): (Set<TableChange>, Set<TableChange>) = ([], [])
        for name in Folder.namesIfAny(in: folder).sorted().prefix(TableAnswers.most) where !name.hasPrefix(".") {
            // An answer that cannot be read was not given: the change waits, and is asked about again.
            guard let bytes = try? FileContents.read("\(folder)/\(name)", limit: TableAnswers.longest),
                // As above.
                let answer = try? JSONDecoder().decode(Answer.self, from: Data(bytes))
            else { continue }
            if answer.isAllowed { allowed.insert(answer.change) } else { declined.insert(answer.change) }
        }
        return (allowed, declined)
    }
}
