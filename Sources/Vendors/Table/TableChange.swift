import Catalog
import Curl

/// What another table says of a system that is already known, and what a user should be asked about before it counts.
package struct TableChange: Sendable, Hashable, Codable {
    package enum Subject: String, Sendable, Hashable, Codable {
        /// Fingerprints of keys that may sign, and what they sign.
        case keys
        /// Servers that listings and files come from.
        case hosts
        /// What is given to a guest at its first start.
        case seed
    }

    /// The row's id.
    package let system: String
    package let subject: Subject
    /// In words; empty for none.
    package let before: String
    package let after: String

    package init(system: String, subject: Subject, before: String, after: String) {
        self.system = system
        self.subject = subject
        self.before = before
        self.after = after
    }
}

extension VendorTable {
    /// What a newer table changes of rows that this one has, so that its user should be asked.
    package func changes(to newer: VendorTable) -> [TableChange] {
        newer.rows.flatMap { row -> [TableChange] in
            guard let before = rows.first(where: { $0.id == row.id }) else { return [] }
            let pairs: [(TableChange.Subject, String, String)] = [
                (.keys, proof(of: before), newer.proof(of: row)),
                (.hosts, VendorTable.hosts(of: before), VendorTable.hosts(of: row)),
                (.seed, before.guest.seed?.rawValue ?? "", row.guest.seed?.rawValue ?? ""),
            ]
            return pairs.filter { $0.1 != $0.2 }.map {
                TableChange(system: row.id, subject: $0.0, before: $0.1, after: $0.2)
            }
        }
    }

    /// This table with the vendors of a newer one, except those that change something that was not accepted: these stay as they are.
    package func updated(by newer: VendorTable, accepted: Set<TableChange>) -> VendorTable {
        let open = Set(changes(to: newer).filter { !accepted.contains($0) }.map(\.system))
        var table = self
        table.faults += newer.faults
        for vendor in newer.vendors {
            let own = newer.rows.filter { $0.vendor == vendor.name }
            let others = table.rows.filter { $0.vendor != vendor.name }
            let taken = Set(others.flatMap { [$0.id] + $0.aliases })
            // Another vendor's system is not taken over either.
            guard !own.contains(where: { open.contains($0.id) || !taken.isDisjoint(with: [$0.id] + $0.aliases) }),
                others.count + own.count <= VendorTable.mostRows
            else { continue }
            let place = table.rows.firstIndex { $0.vendor == vendor.name } ?? others.count
            table.rows = others
            table.rows.insert(contentsOf: own, at: min(place, others.count))
            table.vendors.removeAll { $0.name == vendor.name }
            table.vendors.append(vendor)
        }
        return table
    }

    private func proof(of row: VendorRow) -> String {
        let fingerprints = keys(of: row).map(\.key.fingerprint).sorted().joined(separator: ", ")
        return row.proof.subject == .absent ? "" : "\(row.proof.subject.rawValue) by \(fingerprints)"
    }

    private static func hosts(of row: VendorRow) -> String {
        let listing = row.listing
        let named =
            listing.upstream + listing.mirrors
            + [listing.base, listing.image, listing.metalink, row.proof.sums, row.proof.signature, row.proof.torrent]
            .compactMap(\.self)
        return Set(named.compactMap(URLText.server)).sorted().joined(separator: ", ")
    }
}
