import Catalog

/// What the installed files, the user's own and a followed catalog's say that vendors offer.
package struct VendorTable: Sendable, Hashable, Codable {
    package private(set) var vendors: [Vendor] = []
    /// In the order in which they are listed.
    package private(set) var rows: [VendorRow] = []
    /// What is wrong with files that count as not there, one for each.
    package private(set) var faults: [VendorsError] = []

    package init() {}

    /// The row of an id or an alias.
    package func row(_ name: String) -> VendorRow? {
        rows.first { $0.id == name } ?? rows.first { $0.aliases.contains(name) }
    }

    package func vendor(_ name: String) -> Vendor? { vendors.first { $0.name == name } }

    /// Reads the folders that exist, later ones over earlier ones.
    /// - Parameter folders: the installed one, then the user's own.
    package static func load(folders: [String]) -> VendorTable { VendorTable() }
}

/// What another table says of a system that is already known, and what a user should be asked about before it counts.
package struct TableChange: Sendable, Hashable, Codable {
    package enum Subject: String, Sendable, Hashable, Codable {
        /// Fingerprints of keys that may sign.
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
