import Catalog

/// The versions that a bisect is about, of those that a system has.
package struct BisectRange: Sendable, Equatable {
    package let system: BisectedSystem
    /// The oldest first.
    package let versions: [String]
    /// Withdrawn ones between them, which are left out.
    package let withdrawn: [String]

    /// - Parameters:
    ///   - good: as the user named it; a withdrawn one will do, because nobody boots it.
    ///   - bad: nil for the newest.
    /// - Throws: ``BisectError``, ``CatalogAccessError``.
    package init(_ found: FoundDistribution, good: String, bad: String?) throws {
        let distribution = found.distribution
        system = BisectedSystem(catalog: found.copy.source.name, distribution: distribution.id)
        let ends = (try BisectRange.id(good, found), try BisectRange.id(bad, found))
        guard ends.0 != ends.1 else { throw BisectError.same(ends.0.text) }
        guard ends.0 < ends.1 else { throw BisectError.backwards(good: ends.0.text, bad: ends.1.text) }
        let between = distribution.versions.map(\.id).filter { ends.0 < $0 && $0 < ends.1 }.sorted()
        withdrawn = distribution.withdrawn.map(\.id).filter { ends.0 < $0 && $0 < ends.1 }.sorted().map(\.text)
        versions = ([ends.0] + between + [ends.1]).map(\.text)
        guard versions.count <= BisectRecord.mostVersions else {
            throw BisectError.tooMany(system, most: BisectRecord.mostVersions)
        }
    }

    private static func id(_ text: String?, _ found: FoundDistribution) throws(CatalogAccessError) -> VersionID {
        if let withdrawn = found.distribution.withdrawn.first(where: { $0.id.text == text }) { return withdrawn.id }
        let name = text.map { "\(found.distribution.id)@\($0)" } ?? found.distribution.id
        guard let name = VersionName(name) else {
            throw .noSuchVersion(distribution: found.distribution.id, version: text ?? "", near: [])
        }
        return try name.choose(from: found).version.id
    }
}

extension BisectRecord {
    /// Versions that cannot be booted now, and why, a phrase each: their catalog has them no longer, or nobody has their bytes.
    /// - Parameter system: as it is offered now; nil where it is not offered any more.
    package func unavailable(in system: SystemSummary?) -> [String: String] {
        let offered = Dictionary(
            (system?.versions ?? []).map { ($0.key.version, $0) }, uniquingKeysWith: { first, _ in first })
        var gone: [String: String] = [:]
        for version in versions.dropFirst().dropLast() {
            if let summary = offered[version] {
                if summary.isGone, summary.offline != .whole {
                    gone[version] = "its vendor has deleted it, and not all of it is here"
                }
            } else if let withdrawn = system?.withdrawn.first(where: { $0.version.id.text == version }) {
                gone[version] = withdrawn.version.words
            } else {
                gone[version] = "\(catalog) no longer has it"
            }
        }
        return gone
    }
}

extension SystemsReader {
    /// One system as it is known here, with what of its versions is stored; nil where no copy has it. Waits for the disk.
    package func system(_ system: BisectedSystem, in copies: [CatalogCopy]) -> SystemSummary? {
        let copies = copies.filter { $0.source.name == system.catalog }
        let all = outline(copies, sessions: []).systems.filter { $0.distribution.id == system.distribution }
        // What is stored of each matters only where somebody has deleted one.
        guard all.contains(where: { $0.versions.contains(where: \.isGone) }) else { return all.first }
        return details(SystemsOverview(catalogs: copies, systems: all)).systems.first
    }
}
