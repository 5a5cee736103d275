/// What has counted of catalogs' tables so far: what changes are compared with, and where a system stays as it was while its change waits.
///
/// Part of the state, so its names stay. Rows are kept as the text of their file: a later program reads it as one of that day.
package struct TableRecord: Sendable, Hashable, Codable {
    struct Entry: Sendable, Hashable, Codable {
        /// The id of the system that the name means.
        let system: String
        let facts: RowFacts
        let catalog: String
        /// Nil for an alias, and for a system that is no longer in the table: it is still known if it comes back.
        var place: Place?
    }

    /// Where a row stands.
    struct Place: Sendable, Hashable, Codable {
        /// The file's name, and the SHA-256 of its text.
        let file: String
        let text: String
        /// Whether its systems have the catalog's name before theirs.
        let isApart: Bool
    }

    /// By a system's id or alias.
    var names: [String: Entry] = [:]
    /// The texts of files, by their SHA-256.
    var texts: [String: String] = [:]

    /// Names that are remembered, and bytes of texts.
    private static let mostNames = 8000
    private static let mostBytes = 16 << 20

    package init() {}

    /// Lets go of texts that no row stands in, and of more than is kept.
    mutating func trim() {
        for name in names.keys.sorted() where names.count > TableRecord.mostNames && names[name]?.place == nil {
            names[name] = nil
        }
        let needed = Set(names.values.compactMap(\.place?.text))
        texts = texts.filter { needed.contains($0.key) }
        var bytes = texts.values.reduce(0) { $0 + $1.utf8.count }
        for text in texts.keys.sorted() where bytes > TableRecord.mostBytes {
            bytes -= texts.removeValue(forKey: text)?.utf8.count ?? 0
        }
    }
}
