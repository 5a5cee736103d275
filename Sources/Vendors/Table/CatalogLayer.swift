import ContentAddress
import Curl

/// A followed catalog's table, on its way into the table that is used.
package struct CatalogLayer: Sendable {
    let catalog: String
    /// Where the catalog's server is.
    let kind: AddressKind
    /// Whether its systems have the catalog's name before theirs: it is not the one that the user has named.
    let isApart: Bool
    let files: [String: String]
    /// SHA-256 of the files' texts, by their names.
    let digests: [String: String]

    /// - Parameters:
    ///   - files: TOML, by the vendor's name.
    package init(catalog: String, at kind: AddressKind, isApart: Bool, files: [String: String]) {
        (self.catalog, self.kind, self.isApart, self.files) = (catalog, kind, isApart, files)
        digests = files.mapValues { FileDigest.sha256(of: Array($0.utf8)).hex }
    }

    /// Reads the files; one with an error becomes a fault.
    /// - Parameters:
    ///   - others: names of files that are not wanted.
    ///   - catalogs: those whose systems have the catalog's name before theirs. No other has systems of such names: `a.b.debian` is the
    ///     `debian` of `a.b`, not the `b.debian` of `a`.
    func table(without others: Set<String> = [], beside catalogs: [String] = []) -> VendorTable {
        let own = isApart ? "\(catalog)." : ""
        var table = VendorTable.catalogs(
            files.filter { !others.contains($0.key) }, in: "the table of catalog \(catalog): ",
            origin: .catalog(catalog, at: kind), prefix: own)
        for other in catalogs where other != catalog && "\(other).".hasPrefix(own) {
            let taken = table.rows.filter { $0.id.hasPrefix("\(other).") }
            if let first = taken.first {
                table.faults.append(
                    .catalogsTable(
                        catalog: catalog,
                        reason: "is not used for '\(first.id)': names that begin with '\(other).' are of catalog "
                            + "\(other)"))
            }
            table.rows.removeAll { $0.id.hasPrefix("\(other).") }
            for place in table.rows.indices { table.rows[place].aliases.removeAll { $0.hasPrefix("\(other).") } }
        }
        return table
    }

    /// The name of the file that a vendor of this layer comes from.
    func file(of vendor: String) -> String { isApart ? String(vendor.dropFirst(catalog.count + 1)) : vendor }
}

extension VendorTable {
    /// What a catalog's readers make of files, each TOML by its vendor's name: those that they would refuse are among the faults.
    /// - Parameter place: goes before a file's name in errors.
    package static func catalogs(
        _ files: [String: String], in place: String, origin: TableOrigin = .catalog("", at: .internet),
        prefix: String = ""
    ) -> VendorTable {
        var table = VendorTable()
        for (name, text) in files.sorted(by: { $0.key < $1.key }) {
            table.add(
                Array(text.utf8), file: "\(place)\(name).toml", name: name, origin: origin, prefix: prefix)
        }
        return table
    }
}
