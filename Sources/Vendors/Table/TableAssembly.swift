import Catalog
import Curl

/// The table that is used: the installed one, then that of the catalog that the user has named, then the user's own files; and beside them
/// what other catalogs add under their own names.
///
/// A file takes the place of an earlier one of the same name, whole, and a system that of an earlier one of the same id. What a catalog's
/// table changes of what is known counts only when the user has allowed that; until then the system stays as it was.
package struct TableAssembly {
    package private(set) var table = VendorTable()
    /// What counts from now on as known.
    package private(set) var record: TableRecord
    /// What the user has not allowed, in the order of names.
    package private(set) var changes: [TableChange] = []

    private let installed: VendorTable
    private let own: VendorTable
    private let before: TableRecord
    private let allowed: Set<TableChange>
    /// Tables that were read from texts of the record.
    private var earlier: [String: VendorTable] = [:]

    /// - Parameters:
    ///   - own: the administrator's and the user's files.
    ///   - catalogs: the one that the user has named, if there is one, and others.
    ///   - record: of the last assembly.
    ///   - allowed: changes that count.
    package init(
        installed: VendorTable, own: VendorTable, catalogs: [CatalogLayer] = [], record: TableRecord = TableRecord(),
        allowed: Set<TableChange> = []
    ) {
        (self.installed, self.own, self.allowed) = (installed, own, allowed)
        (before, self.record) = (record, record)
        let named = catalogs.filter { !$0.isApart }.map { taken($0) }
        let apart = catalogs.filter(\.isApart).map { taken($0) }
        self.record.trim()
        changes.sort { ($0.name, $0.catalog) < ($1.name, $1.catalog) }

        let replaced = named.reduce(own.files) { $0.union($1.vendors.map(\.name)) }
        var rest = installed
        rest.rows.removeAll { replaced.contains($0.vendor) }
        var names = Set<String>()
        for layer in [own] + named + [rest] + apart { put(layer, &names) }
        // As the files are listed; what other catalogs add comes last.
        let others = Set(apart.flatMap { $0.rows.map(\.id) })
        table.rows = table.rows.enumerated().sorted { left, right in
            let (one, other) = (others.contains(left.element.id), others.contains(right.element.id))
            if one != other { return other }
            return (left.element.vendor, left.offset) < (right.element.vendor, right.offset)
        }.map(\.element)
        table.vendors.sort { $0.name < $1.name }
        table.faults = own.faults + installed.faults + (named + apart).flatMap(\.faults)
    }

    /// Puts a layer's systems below those that are there.
    private mutating func put(_ layer: VendorTable, _ names: inout Set<String>) {
        var rows = layer.rows.filter { !names.contains($0.id) }
        names.formUnion(rows.map(\.id))
        for position in rows.indices {
            rows[position].aliases = rows[position].aliases.filter { names.insert($0).inserted }
            let vendor = rows[position].vendor
            if table.vendor(vendor) == nil, let added = layer.vendor(vendor) { table.vendors.append(added) }
        }
        table.rows += rows
        table.files.formUnion(layer.files)
    }

    // MARK: A catalog's table

    /// A catalog's systems, each as it is now or as it was, and notes what is known from now on.
    private mutating func taken(_ layer: CatalogLayer) -> VendorTable {
        var now = layer.table(without: layer.isApart ? [] : own.files)
        var (rows, kept): ([VendorRow], [VendorRow]) = ([], [])
        var waiting: [(alias: String, system: String)] = []
        for row in now.rows where own.row(row.id)?.id != row.id {
            if let change = change(row.id, to: row, of: layer) {
                changes.append(change)
                guard let (old, vendor) = formerRow(row.id, layer) else {
                    waiting.append((row.id, change.before.system))
                    continue
                }
                kept.append(old)
                if now.vendor(old.vendor) == nil, let vendor { now.vendors.append(vendor) }
                continue
            }
            var row = row
            for alias in row.aliases {
                guard let change = change(alias, to: row, of: layer) else { continue }
                changes.append(change)
                row.aliases.removeAll { $0 == alias }
                waiting.append((alias, change.before.system))
            }
            note(row, layer)
            rows.append(row)
        }
        forget(layer, rows + kept)
        now.rows = rows + kept
        // A name that waits means what it meant.
        for (alias, system) in waiting {
            if system != alias, let place = now.rows.firstIndex(where: { $0.id == system }) {
                now.rows[place].aliases.append(alias)
            }
        }
        return now
    }

    /// What a row changes of what a name meant, and may not yet; nil for a new name, and where nothing changes that counts.
    private func change(_ name: String, to row: VendorRow, of layer: CatalogLayer) -> TableChange? {
        let known = before.names[name].map { TableChange.Side(system: $0.system, facts: $0.facts) }
        // What is installed was trusted with the program.
        let trusted = installed.row(name).map { TableChange.Side(system: $0.id, facts: RowFacts($0)) }
        guard let last = known ?? trusted else { return nil }
        let next = TableChange.Side(system: row.id, facts: RowFacts(row))
        for side in [known, trusted].compactMap(\.self) {
            // An alias goes with its system.
            if side.facts == next.facts || name != row.id && side.system == row.id { return nil }
        }
        let change = TableChange(catalog: layer.catalog, name: name, before: last, after: next)
        return allowed.contains(change) ? nil : change
    }

    /// A system as it was before the change that waits.
    private mutating func formerRow(_ id: String, _ layer: CatalogLayer) -> (VendorRow, Vendor?)? {
        if let entry = before.names[id] {
            guard let place = entry.place, let text = before.texts[place.text] else { return inInstalled(id) }
            let key = "\(entry.catalog) \(place.file) \(place.text)"
            let table =
                earlier[key]
                ?? CatalogLayer(
                    catalog: entry.catalog, at: layer.kind, isApart: place.isApart, files: [place.file: text]
                ).table()
            earlier[key] = table
            return table.rows.first { $0.id == id }.map { ($0, table.vendor($0.vendor)) }
        }
        return inInstalled(id)
    }

    private func inInstalled(_ id: String) -> (VendorRow, Vendor?)? {
        installed.rows.first { $0.id == id }.map { ($0, installed.vendor($0.vendor)) }
    }

    // MARK: The record

    private mutating func note(_ row: VendorRow, _ layer: CatalogLayer) {
        let file = layer.file(of: row.vendor)
        guard let text = layer.files[file], let digest = layer.digests[file] else { return }
        record.texts[digest] = text
        let facts = RowFacts(row)
        record.names[row.id] = .init(
            system: row.id, facts: facts, catalog: layer.catalog,
            place: .init(file: file, text: digest, isApart: layer.isApart))
        for alias in row.aliases {
            record.names[alias] = .init(system: row.id, facts: facts, catalog: layer.catalog)
        }
    }

    /// What the table no longer has is remembered by its facts alone.
    private mutating func forget(_ layer: CatalogLayer, _ rows: [VendorRow]) {
        let there = Set(rows.map(\.id))
        for (name, entry) in record.names where entry.catalog == layer.catalog && !there.contains(name) {
            record.names[name]?.place = nil
        }
    }
}
