import Boot
import Catalog

/// One operating system of one catalog.
package struct SystemName: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let catalog: String
    package let distribution: String

    package init(catalog: String, distribution: String) {
        self.catalog = catalog
        self.distribution = distribution
    }

    package var description: String { "\(catalog)/\(distribution)" }

    package static func < (left: SystemName, right: SystemName) -> Bool {
        (left.distribution, left.catalog) < (right.distribution, right.catalog)
    }
}

extension VersionKey {
    package var system: SystemName { SystemName(catalog: catalog, distribution: distribution) }

    /// `debian 2026-11-16`, as messages name it.
    var title: String { "\(distribution) \(version)" }
}

extension SystemSummary {
    package var name: SystemName { SystemName(catalog: source.name, distribution: distribution.id) }

    /// Whether a vendor offers it on its own servers, and no catalog.
    package var isVendors: Bool { group != nil || source.isVendors }

    package var vendor: String { group ?? "Others" }

    /// The name of the group that it stands in: the vendor's, or that of another processor than this machine's.
    var heading: String { processorGroup ?? vendor }

    /// The text that a search looks through, in lower-case letters.
    var searchText: String {
        // Bounded, because a title may have any length.
        let parts = [distribution.id, source.name, distribution.title, group ?? "", distribution.summary]
        return parts.map { $0.prefix(400).lowercased() }.joined(separator: "\n")
    }
}

extension VersionSummary {
    /// Its id, `2026-11-16`.
    var id: String { key.version }

    /// Bytes of the image, or of the vendor's file that it is read from; nil where the vendor has not said.
    var whole: UInt64? {
        guard let source = version.source else { return version.size }
        return source.size.flatMap { $0 == 0 ? nil : $0 }
    }

    /// Bytes that the whole image still has to download, at most.
    var missing: UInt64 {
        let all = content ?? whole ?? 0
        return all - min(all, here)
    }
}
