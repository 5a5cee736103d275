import Catalog
import Curl
import Formats
import Linux
import TOML
import Upstream

/// One file of the table: a vendor and its systems.
struct VendorFile: Sendable, Hashable, Codable {
    private(set) var vendor: Vendor
    private(set) var rows: [VendorRow]

    /// Bytes of the longest file.
    static let longest = 1 << 20

    private static let vendorKeys: Set<String> = [
        "name", "title", "homepage", "unchecked", "key", "system", "defaults",
    ]
    private static let ownKeys: Set<String> = ["id", "title", "aliases"]
    private static let systemKeys: Set<String> = [
        "id", "title", "summary", "aliases", "group", "release", "kind", "architecture", "homepage", "support-ends",
        "unchecked", "listing", "upstream", "entry", "image", "product", "item", "base", "mirrors", "metalink",
        "build", "builds", "kept-builds", "kept-days", "sums", "signature", "signature-kind", "signed", "keys",
        "torrent", "format",
        "packed", "download-only", "size", "firmware", "memory", "cpus", "media", "adapter", "login", "cpu-level",
        "seed", "user",
    ]

    /// - Parameters:
    ///   - file: its path, for errors.
    ///   - name: the name that the vendor must have.
    ///   - origin: who says it.
    /// - Throws: ``VendorsError/table(file:place:reason:)``.
    init(_ bytes: [UInt8], file: String, name: String, origin: TableOrigin = .folder) throws(VendorsError) {
        func notTOML(_ reason: String) -> VendorsError {
            .table(file: file, place: "", reason: "is not TOML: \(reason)")
        }
        guard bytes.count <= VendorFile.longest else {
            throw .table(file: file, place: "", reason: "has more than \(VendorFile.longest) bytes")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw notTOML("it is not UTF-8") }
        if let line = TOMLHeaders.malformedLine(in: text) { throw notTOML("line \(line) is malformed") }
        let table: TOMLTable
        do { table = try TOMLTable(string: text) } catch { throw notTOML("\(error)") }
        let reader = TableReader(table: table, file: file)
        try reader.check(known: VendorFile.vendorKeys)
        guard try reader.needed("name") == name, Distribution.isValid(id: name) else {
            throw reader.error("name", "must be the file's own name, of the form [a-z0-9][a-z0-9._-]{0,63}")
        }
        let vendor = Vendor(
            name: name, title: try reader.needed("title"), homepage: try reader.url("homepage"),
            keys: try VendorFile.keys(table, file), unchecked: try reader.text("unchecked"))
        let defaults = table["defaults"]?.table
        if let defaults {
            try TableReader(table: defaults, file: file, place: "defaults: ")
                .check(known: VendorFile.systemKeys.subtracting(VendorFile.ownKeys))
        }
        guard let list = table["system"]?.array, !list.isEmpty, list.count <= VendorTable.mostRows else {
            throw reader.error("system", "must be 1 to \(VendorTable.mostRows) tables [[system]]")
        }
        var rows: [VendorRow] = []
        var names = RowNames()
        for (position, value) in list.enumerated() {
            guard let own = value.table else { throw reader.error("system", "must be a table") }
            var reader = TableReader(table: own, defaults: defaults, file: file, place: "system \(position + 1): ")
            try reader.check(known: VendorFile.systemKeys)
            guard let id = try reader.text("id"), Distribution.isValid(id: id) else {
                throw reader.error("id", "must be of the form [a-z0-9][a-z0-9._-]{0,63}")
            }
            reader.place = "\(id): "
            var row = try VendorRow(reader, id: id, vendor)
            row.origin = origin
            if origin != .folder, let address = row.plainAddress {
                throw reader.error(
                    "upstream",
                    "leads to \(URLText.public(address)): a catalog's table may name plain http only on this machine, or where each "
                        + "piece is verified")
            }
            let servers = RowFacts(row).servers
            guard origin == .folder || servers.count <= 64 && servers.allSatisfy({ $0.utf8.count <= 260 }) else {
                throw reader.error("upstream", "leads to more than 64 servers, or to one whose name is too long")
            }
            if let twice = names.take(row) {
                throw twice == row.id && !row.aliases.contains(twice)
                    ? reader.error("id", "is another system's")
                    : reader.error("aliases", "names '\(twice)', which is a system's already")
            }
            rows.append(row)
        }
        self.vendor = vendor
        self.rows = rows
    }

    /// The same under names that begin with another one.
    /// - Throws: ``VendorsError/table(file:place:reason:)`` for a name that would be too long.
    func prefixed(_ prefix: String, file: String) throws(VendorsError) -> VendorFile {
        if prefix.isEmpty { return self }
        var copy = self
        for position in rows.indices {
            let id = prefix + rows[position].id
            guard Distribution.isValid(id: id) else {
                throw .table(file: file, place: rows[position].id, reason: "is too long with '\(prefix)' before it")
            }
            copy.rows[position].id = id
            copy.rows[position].aliases = rows[position].aliases.map { prefix + $0 }.filter(Distribution.isValid)
            copy.rows[position].vendor = prefix + vendor.name
            copy.rows[position].group = "\(prefix.dropLast()): \(rows[position].group)"
        }
        copy.vendor = Vendor(
            name: prefix + vendor.name, title: "\(prefix.dropLast()): \(vendor.title)", homepage: vendor.homepage,
            keys: vendor.keys, unchecked: vendor.unchecked)
        return copy
    }

    private static func keys(_ table: TOMLTable, _ file: String) throws(VendorsError) -> [Vendor.PinnedKey] {
        guard let value = table["key"] else { return [] }
        guard let list = value.array, list.count <= 64 else {
            throw .table(file: file, place: "key", reason: "must be at most 64 tables [[key]]")
        }
        var keys: [Vendor.PinnedKey] = []
        for (position, value) in list.enumerated() {
            guard let table = value.table else { throw .table(file: file, place: "key", reason: "must be a table") }
            let reader = TableReader(table: table, file: file, place: "key \(position + 1): ")
            try reader.check(known: ["name", "kind", "fingerprint", "url", "unchecked"])
            let name = try reader.needed("name")
            guard Distribution.isValid(id: name), !keys.contains(where: { $0.name == name }) else {
                throw reader.error("name", "must be of the form [a-z0-9][a-z0-9._-]{0,63}, and no other key's")
            }
            let kind = try reader.choice("kind", VendorKey.Kind.self) ?? .openpgp
            let url = try reader.url("url")
            if kind == .openpgp, url == nil { throw reader.error("url", "is missing") }
            guard let key = VendorKey(kind: kind, fingerprint: try reader.needed("fingerprint"), url: url) else {
                throw reader.error(
                    "fingerprint",
                    kind == .openpgp
                        ? "must be that of an OpenPGP key: 40 or 64 hexadecimal digits"
                        : "must be a public key of \(kind.rawValue): 56 characters in base64")
            }
            keys.append(Vendor.PinnedKey(name: name, key: key, unchecked: try reader.text("unchecked")))
        }
        return keys
    }
}

extension VendorRow {
    /// An address that anybody on the way could answer for; nil where there is none, and where each piece is verified.
    fileprivate var plainAddress: String? {
        if proof.trust >= .pieces { return nil }
        return (addresses + signers.compactMap(\.key.url)).first {
            $0.lowercased().hasPrefix("http:") && !URLText.isOfThisMachine($0)
        }
    }
}
