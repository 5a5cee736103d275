import Catalog
import Curl
import Linux

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
    /// The names of catalogs whose systems have them before theirs.
    private let others: [String]
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
        self.others = catalogs.filter(\.isApart).map(\.catalog)
        let named = catalogs.filter { !$0.isApart }.map { taken($0) }
        let apart = catalogs.filter(\.isApart).map { taken($0).table }
        self.record.trim()
        changes.sort { ($0.name, $0.catalog) < ($1.name, $1.catalog) }

        let replaced = named.reduce(own.files) { $0.union($1.read) }
        var rest = installed
        rest.rows.removeAll { replaced.contains($0.vendor) }
        var names = Set<String>()
        for layer in [own] + named.map(\.table) + [rest] + apart { put(layer, &names) }
        // As the files are listed; what other catalogs add comes last.
        let others = Set(apart.flatMap { $0.rows.map(\.id) })
        table.rows = table.rows.enumerated().sorted { left, right in
            let (one, other) = (others.contains(left.element.id), others.contains(right.element.id))
            if one != other { return other }
            return (left.element.vendor, left.offset) < (right.element.vendor, right.offset)
        }.map(\.element)
        table.vendors.sort { $0.name < $1.name }
        table.faults = own.faults + installed.faults + (named.map(\.table) + apart).flatMap(\.faults)
    }

    /// Puts a layer's systems below those that are there.
    private mutating func put(_ layer: VendorTable, _ names: inout Set<String>) {
        var rows = layer.rows.filter { !names.contains($0.id) }
        for position in rows.indices {
            // Two of one layer may share an alias: each is for another processor.
            rows[position].aliases.removeAll { names.contains($0) }
            let vendor = rows[position].vendor
            if table.vendor(vendor) == nil, let added = layer.vendor(vendor) { table.vendors.append(added) }
        }
        names.formUnion(rows.flatMap { [$0.id] + $0.aliases })
        table.rows += rows
        table.files.formUnion(layer.files)
    }

    // MARK: A catalog's table

    /// A catalog's systems, each as it is now or as it was, and notes what is known from now on.
    /// - Returns: with the vendors whose files were read.
    private mutating func taken(_ layer: CatalogLayer) -> (table: VendorTable, read: Set<String>) {
        var now = layer.table(without: layer.isApart ? [] : own.files, beside: others)
        let read = Set(now.vendors.map(\.name))
        var (rows, kept): ([VendorRow], [VendorRow]) = ([], [])
        var waiting: [(alias: String, system: String)] = []
        for row in now.rows where own.row(row.id)?.id != row.id {
            if let change = change(row.id, to: row, of: layer) {
                changes.append(change)
                if !keep(row.id, layer, &kept, &now) { waiting.append((row.id, change.before.system)) }
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
        // A name that waits means what it meant, also where the file no longer has that.
        for (_, system) in waiting where !(rows + kept).contains(where: { $0.id == system }) {
            _ = keep(system, layer, &kept, &now)
        }
        forget(layer, rows + kept)
        let ids = Set(rows.map(\.id))
        for place in kept.indices {
            let old = kept[place]
            kept[place].aliases.removeAll { alias in
                ids.contains(alias)
                    || rows.contains { $0.architecture == old.architecture && $0.aliases.contains(alias) }
            }
        }
        now.rows = rows + kept
        for (alias, system) in waiting where system != alias {
            guard let place = now.rows.firstIndex(where: { $0.id == system }),
                !now.rows[place].aliases.contains(alias)
            else { continue }
            now.rows[place].aliases.append(alias)
        }
        return (now, read)
    }

    /// Takes a system as it was.
    /// - Returns: false where nothing is left of it.
    private mutating func keep(
        _ id: String, _ layer: CatalogLayer, _ kept: inout [VendorRow], _ table: inout VendorTable
    ) -> Bool {
        guard let (row, vendor) = formerRow(id, layer) else { return false }
        kept.append(row)
        if table.vendor(row.vendor) == nil, let vendor { table.vendors.append(vendor) }
        return true
    }

    /// What a row changes of what a name meant, and may not yet; nil for a new name, and where nothing changes that counts.
    private func change(_ name: String, to row: VendorRow, of layer: CatalogLayer) -> TableChange? {
        let isOwn = name == row.id || row.architecture == Machine.architecture
        let known = before.known(name, row.architecture, isOwn: isOwn)
        // What is installed was trusted with the program; but what the user has allowed since is not undone by its word.
        let trusted = installedSide(name, row)
        guard let last = known?.side ?? trusted else { return nil }
        let next = TableChange.Side(system: row.id, facts: RowFacts(row))
        let isNews = known == nil || known?.seen != trusted?.digest
        for side in [known?.side, isNews ? trusted : nil].compactMap(\.self) {
            // An alias goes with its system.
            if side.facts == next.facts || name != row.id && side.system == row.id { return nil }
        }
        let change = TableChange(catalog: layer.catalog, name: name, before: last, after: next)
        return allowed.contains(change) ? nil : change
    }

    /// What the installed table says of a name.
    private func installedSide(_ name: String, _ row: VendorRow) -> TableChange.Side? {
        installed.row(name, host: row.architecture).flatMap { found in
            let isMeant =
                found.id == name || found.architecture == row.architecture || name == row.id
                || row.architecture == Machine.architecture
            return isMeant ? TableChange.Side(system: found.id, facts: RowFacts(found)) : nil
        }
    }

    /// A system as it was before the change that waits.
    private mutating func formerRow(_ id: String, _ layer: CatalogLayer) -> (VendorRow, Vendor?)? {
        guard let entry = before.systems[id], let place = entry.place, let text = before.texts[place.text] else {
            return inInstalled(id)
        }
        let key = "\(entry.catalog) \(place.file) \(place.text)"
        // It leads no further than its own catalog did.
        let kind = entry.catalog == layer.catalog ? layer.kind : .internet
        let table =
            earlier[key]
            ?? CatalogLayer(catalog: entry.catalog, at: kind, isApart: place.isApart, files: [place.file: text]).table()
        earlier[key] = table
        return table.rows.first { $0.id == id }.map { ($0, table.vendor($0.vendor)) }
    }

    private func inInstalled(_ id: String) -> (VendorRow, Vendor?)? {
        installed.rows.first { $0.id == id }.map { ($0, installed.vendor($0.vendor)) }
    }

    // MARK: The record

    private mutating func note(_ row: VendorRow, _ layer: CatalogLayer) {
        let file = layer.file(of: row.vendor)
        guard let text = layer.files[file], let digest = layer.digests[file] else { return }
        record.texts[digest] = text
        let place = TableRecord.Place(file: file, text: digest, isApart: layer.isApart)
        var seen: [String: String] = [:]
        for name in [row.id] + row.aliases { seen[name] = installedSide(name, row)?.digest }
        record.note(row, at: place, of: layer.catalog, installed: seen)
    }

    /// What the table no longer has is remembered by its facts alone.
    private mutating func forget(_ layer: CatalogLayer, _ rows: [VendorRow]) {
        let there = Set(rows.map(\.id))
        for (name, entry) in record.systems where entry.catalog == layer.catalog && !there.contains(name) {
            record.systems[name]?.place = nil
        }
    }
}
