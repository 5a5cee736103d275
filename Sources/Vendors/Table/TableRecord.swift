import ContentAddress

/// What has counted of catalogs' tables so far: what changes are compared with, and where a system stays as it was while its change waits.
///
/// Part of the state, so its names stay. Rows are kept as the text of their file: a later program reads it as one of that day.
package struct TableRecord: Sendable, Hashable, Codable {
    /// A system.
    struct Entry: Sendable, Hashable, Codable {
        let facts: RowFacts
        let catalog: String
        /// Lower than those of what came later.
        let order: Int
        /// What the installed table said when this was first noted, as ``TableChange/Side/digest``; nil where it had none.
        let seen: String?
        /// Nil for a system that is no longer in the table: it is still known if it comes back.
        var place: Place?
    }

    /// Another name of a system.
    struct Alias: Sendable, Hashable, Codable {
        let system: String
        let catalog: String
        let order: Int
        let seen: String?
    }

    /// Where a row stands.
    struct Place: Sendable, Hashable, Codable {
        /// The file's name, and the SHA-256 of its text.
        let file: String
        let text: String
        /// Whether its systems have the catalog's name before theirs.
        let isApart: Bool
    }

    /// By their ids.
    var systems: [String: Entry] = [:]
    /// By the name and then the processor: a name may mean one system for each.
    var aliases: [String: [String: Alias]] = [:]
    /// The texts of files, by their SHA-256.
    var texts: [String: String] = [:]
    /// The order of what comes next.
    private var next = 0

    /// What is remembered of each catalog: names, bytes of what is known of them, and bytes of texts. No catalog can use up another's.
    private static let (mostNames, mostFacts, mostText) = (8000, 4 << 20, 8 << 20)

    package init() {}

    /// What a name of a row's meant, and what was installed at that time.
    /// - Parameter isOwn: whether an alias for another processor counts, too: the name means the row from now on, whoever asks.
    func known(_ name: String, _ architecture: String, isOwn: Bool) -> (side: TableChange.Side, seen: String?)? {
        if let entry = systems[name] { return (.init(system: name, facts: entry.facts), entry.seen) }
        let all = aliases[name] ?? [:]
        guard let alias = all[architecture] ?? (isOwn ? all.min { $0.key < $1.key }?.value : nil) else { return nil }
        return (.init(system: alias.system, facts: systems[alias.system]?.facts ?? .unknown), alias.seen)
    }

    /// - Parameter installed: what the installed table says of the names, as ``TableChange/Side/digest``.
    mutating func note(_ row: VendorRow, at place: Place, of catalog: String, installed: [String: String]) {
        let facts = RowFacts(row)
        let before = systems[row.id]
        // What an older name leads to is as old as it is.
        let older = row.aliases.compactMap { aliases[$0]?[row.architecture]?.order }
        let order = (older + [before?.order].compactMap(\.self)).min() ?? count()
        systems[row.id] = Entry(
            facts: facts, catalog: catalog, order: order,
            seen: before?.facts == facts ? before?.seen : installed[row.id], place: place)
        for alias in row.aliases {
            let before = aliases[alias]?[row.architecture]
            aliases[alias, default: [:]][row.architecture] = Alias(
                system: row.id, catalog: catalog, order: before?.order ?? count(),
                seen: before?.system == row.id ? before?.seen : installed[alias])
        }
    }

    private mutating func count() -> Int {
        next += 1
        return next
    }

    // MARK: Bounds

    /// A name, on its way out.
    private struct Candidate {
        let name: String
        /// Of an alias.
        let architecture: String?
        let isThere: Bool
        let order: Int
        let bytes: Int
    }

    /// Lets go of texts that no row stands in, and of what is more than is kept of a catalog: the newest first, so that nothing that is
    /// known is forgotten for what comes after it.
    mutating func trim() {
        let catalogs = Set(systems.values.map(\.catalog))
            .union(aliases.values.flatMap { $0.values.map(\.catalog) })
        for catalog in catalogs { trim(catalog) }
        let needed = Set(systems.values.compactMap(\.place?.text))
        texts = texts.filter { needed.contains($0.key) }
        for catalog in catalogs { trimTexts(catalog) }
    }

    private mutating func trim(_ catalog: String) {
        var all = systems.filter { $0.value.catalog == catalog }.map { id, entry in
            Candidate(
                name: id, architecture: nil, isThere: entry.place != nil, order: entry.order,
                bytes: id.utf8.count + entry.facts.bytes)
        }
        for (name, meanings) in aliases {
            for (architecture, alias) in meanings where alias.catalog == catalog {
                all.append(
                    Candidate(
                        name: name, architecture: architecture, isThere: systems[alias.system]?.place != nil,
                        order: alias.order, bytes: name.utf8.count + architecture.utf8.count + alias.system.utf8.count))
            }
        }
        var (count, bytes) = (all.count, all.reduce(0) { $0 + $1.bytes })
        guard count > TableRecord.mostNames || bytes > TableRecord.mostFacts else { return }
        // What is no longer in the table goes before what is.
        all.sort { ($0.isThere ? 1 : 0, -$0.order, $0.name) < ($1.isThere ? 1 : 0, -$1.order, $1.name) }
        for candidate in all where count > TableRecord.mostNames || bytes > TableRecord.mostFacts {
            count -= 1
            bytes -= candidate.bytes
            guard let architecture = candidate.architecture else {
                systems[candidate.name] = nil
                continue
            }
            aliases[candidate.name]?[architecture] = nil
            if aliases[candidate.name]?.isEmpty == true { aliases[candidate.name] = nil }
        }
    }

    private mutating func trimTexts(_ catalog: String) {
        // A text is as old as the oldest row that stands in it.
        var orders: [String: Int] = [:]
        for entry in systems.values where entry.catalog == catalog {
            guard let text = entry.place?.text else { continue }
            orders[text] = min(orders[text] ?? .max, entry.order)
        }
        var bytes = orders.keys.reduce(0) { $0 + (texts[$1]?.utf8.count ?? 0) }
        for text in orders.sorted(by: { ($0.value, $0.key) > ($1.value, $1.key) }) where bytes > TableRecord.mostText {
            bytes -= texts.removeValue(forKey: text.key)?.utf8.count ?? 0
        }
    }
}

extension RowFacts {
    /// Of a system that was forgotten, where a name of it was not.
    fileprivate static let unknown = RowFacts(keys: [], servers: [], trust: .none, seed: "none")

    fileprivate var bytes: Int { (keys + servers + [seed]).reduce(64) { $0 + $1.utf8.count } }
}

extension TableChange.Side {
    /// SHA-256 of all of it.
    var digest: String {
        let text = ([system, facts.trust.words, facts.seed] + facts.keys + [""] + facts.servers).joined(separator: "\n")
        return FileDigest.sha256(of: Array(text.utf8)).hex
    }
}
