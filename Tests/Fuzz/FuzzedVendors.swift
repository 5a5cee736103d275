import Catalog
import Upstream

@testable import Vendors

/// What vendors' servers list, and the tables that say how to read it: a user may have one from anywhere.
extension FuzzedParser {
    static func vendorTable(_ bytes: [UInt8]) {
        var table = VendorTable()
        table.add(bytes, file: "example.toml", name: "example")
        precondition(table.faults.count == (table.rows.isEmpty && table.vendors.isEmpty ? 1 : 0))
        for row in table.rows {
            precondition(Distribution.isValid(id: row.id) && table.row(row.id) == row && !row.listing.upstream.isEmpty)
            precondition(row.proof.subject == .absent || !table.keys(of: row).isEmpty, "nobody's signature counts")
        }
    }

    /// Which kind of listing it is comes first: one byte.
    static func listing(_ bytes: [UInt8]) {
        guard let first = bytes.first else { return }
        let (bytes, row) = (Array(bytes.dropFirst()), rows[Int(first) % rows.count])
        let url = row.listing.upstream[0]
        let answer = ListingAnswer(bytes: bytes, url: url, answered: url, row: row)
        // A refusal is as good as builds.
        for build in (try? answer.builds()) ?? [] {
            // Letters of a host have no case.
            precondition(build.url.lowercased().hasPrefix("https://h.example/") && !build.fileName.isEmpty)
            precondition(build.digest.map { $0.hasPrefix("sha256:") || $0.hasPrefix("sha512:") } ?? true)
        }
        let file = "https://h.example/d.qcow2"
        for mirror in Metalink.mirrors(String(decoding: bytes, as: UTF8.self), file: file, allowsPlain: false) {
            precondition(mirror.hasPrefix("https://") && mirror.hasSuffix("/d.qcow2"))
        }
    }

    private static let rows: [VendorRow] = {
        let common = "kind = \"live\"\nformat = \"qcow2\"\nbase = \"https://h.example/\"\n"
        let systems = [
            ("directory", "entry = \"d-{date}{serial}.qcow2\""),
            ("simplestreams", "product = \"p\"\nitem = \"disk.qcow2\""),
            ("coreos-stream", "product = \"metal\"\nitem = \"iso\"\nimage = \"{entry}/d.iso\""),
            ("releases-json", "entry = \"d-{number}.{number}.iso\""),
            ("text-list", "entry = \"d-{date}T{number}Z.qcow2\""),
        ].map { kind, more in
            "[[system]]\nid = \"\(kind)\"\ntitle = \"T\"\nlisting = \"\(kind)\"\nupstream = \"https://h.example/l/\"\n\(more)\n"
        }
        var table = VendorTable()
        let text =
            "name = \"rows\"\ntitle = \"T\"\nhomepage = \"https://h.example/\"\n[defaults]\n\(common)\(systems.joined())"
        table.add(Array(text.utf8), file: "rows.toml", name: "rows")
        precondition(table.rows.count == systems.count, "\(table.faults)")
        return table.rows
    }()
}
