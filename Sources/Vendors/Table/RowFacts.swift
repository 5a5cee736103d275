import Catalog
import Curl

/// What of a row decides where its files come from, whose signature counts, and what a guest is told at its first start.
package struct RowFacts: Sendable, Hashable, Codable {
    /// Keys that may have signed, each with its kind; empty where nothing is signed.
    package let keys: [String]
    /// Servers that the row names, those of its keys among them; with `http://` where nobody vouches for the connection.
    package let servers: [String]
    package let trust: TrustLevel
    /// The kind of seed, and whom it lets log in.
    package let seed: String

    package init(keys: [String], servers: [String], trust: TrustLevel, seed: String) {
        (self.keys, self.servers, self.trust, self.seed) = (keys, servers, trust, seed)
    }

    init(_ row: VendorRow) {
        let isSigned = row.proof.subject != .absent
        keys = isSigned ? row.signers.map { "\($0.key.kind.rawValue) \($0.key.fingerprint)" }.sorted() : []
        let addresses = row.addresses + (isSigned ? row.signers.compactMap(\.key.url) : [])
        servers = Set(
            addresses.compactMap { address in
                URLText.server(of: address).map { address.lowercased().hasPrefix("http:") ? "http://\($0)" : $0 }
            }
        ).sorted()
        trust = row.proof.trust
        let seed = row.guest.seed ?? .absent
        self.seed = seed == .absent ? "none" : "\(seed.rawValue)\(row.guest.user.map { " for \($0)" } ?? "")"
    }
}

/// A change that a catalog's table makes to what a name means, and that counts only when the user allows it: another key, server or seed,
/// or a lesser verification.
package struct TableChange: Sendable, Hashable, Codable {
    package struct Side: Sendable, Hashable, Codable {
        /// The system's id.
        package let system: String
        package let facts: RowFacts

        package init(system: String, facts: RowFacts) { (self.system, self.facts) = (system, facts) }
    }

    package let catalog: String
    /// A system's id or alias.
    package let name: String
    package let before: Side
    package let after: Side

    /// What changes, for people: a sentence without its full stop.
    package var text: String {
        let same = before.system == after.system
        var parts = same ? [] : ["\(before.system) -> \(after.system)"]
        let (old, new) = (before.facts, after.facts)
        parts += [
            TableChange.difference("server", old.servers, new.servers),
            TableChange.difference("key", old.keys, new.keys),
            old.seed == new.seed ? nil : "seed \(old.seed) -> \(new.seed)",
            old.trust == new.trust ? nil : "\(old.trust.words) -> \(new.trust.words)",
        ].compactMap(\.self)
        let what = same ? "where '\(name)' comes from" : "which system '\(name)' is"
        return "the table of catalog \(catalog) changes \(what): \(parts.joined(separator: "; "))"
    }

    /// That it waits, and what to do: a sentence without its full stop.
    package var keptText: String {
        "\(text); '\(name)' stays as it was until you allow that with 'oscircular vendors accept \(name)'"
    }

    /// The question to the user, with what a yes means.
    package var question: String {
        "\(text.prefix(1).uppercased())\(text.dropFirst()). Allow it? Otherwise '\(name)' stays as it was"
    }

    package init(catalog: String, name: String, before: Side, after: Side) {
        (self.catalog, self.name, self.before, self.after) = (catalog, name, before, after)
    }

    private static func difference(_ what: String, _ old: [String], _ new: [String]) -> String? {
        let gone = old.filter { !new.contains($0) }
        let come = new.filter { !old.contains($0) }
        if gone.isEmpty { return come.isEmpty ? nil : "also \(list(what, come))" }
        if come.isEmpty { return "no longer \(list(what, gone))" }
        return "\(list(what, gone)) -> \(list(come.count > most ? what : "", come))"
    }

    /// Names that are listed, and characters of each: a question must be readable.
    private static let (most, longest) = (5, 80)

    private static func list(_ what: String, _ names: [String]) -> String {
        let shown = names.prefix(most).map { $0.count > longest ? "\($0.prefix(longest))..." : $0 }
        let text = shown.joined(separator: ", ")
        // How many they are comes first, where somebody may read no further.
        if names.count > most { return "\(names.count) \(what)s: \(text) and \(names.count - most) more" }
        return what.isEmpty ? text : "\(what) \(text)"
    }
}
