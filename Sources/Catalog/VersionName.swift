/// What a user types to name a version: `[CATALOG/]DISTRO[@VERSION]`.
package struct VersionName: Sendable, Hashable {
    package let catalog: String?
    package let distribution: String
    /// Nil means the newest.
    package let version: String?

    /// Splits the text; nil when a part is empty.
    package init?(_ text: String) {
        var rest = Substring(text)
        if let slash = rest.firstIndex(of: "/") {
            catalog = String(rest[..<slash])
            rest = rest[rest.index(after: slash)...]
        } else {
            catalog = nil
        }
        if let at = rest.firstIndex(of: "@") {
            version = String(rest[rest.index(after: at)...])
            rest = rest[..<at]
        } else {
            version = nil
        }
        distribution = String(rest)
        if distribution.isEmpty || catalog == "" || version == "" || rest.contains("/") { return nil }
    }

    /// Finds the version among the catalogs' copies.
    /// - Throws: ``CatalogAccessError``; near names are suggested.
    package func choose(from copies: [CatalogCopy]) throws(CatalogAccessError) -> ChosenVersion {
        guard !copies.isEmpty else { throw .noCatalogs }
        let named = catalog.map { name in copies.filter { $0.source.name == name } } ?? copies
        if let catalog, named.isEmpty {
            throw .noSuchCatalog(catalog, near: NearNames.suggest(catalog, among: copies.map(\.source.name)))
        }
        let found = named.compactMap { copy -> (CatalogCopy, CatalogDocument, Distribution)? in
            guard let document = copy.document,
                let distribution = document.distributions.first(where: { $0.id == distribution })
            else { return nil }
            return (copy, document, distribution)
        }
        guard let (copy, document, distribution) = found.first else {
            // A catalog that could not be read may be the one that has it: say so rather than "no such distribution".
            if let broken = named.first(where: { $0.document == nil }) {
                if let error = broken.error as? CatalogAccessError { throw error }
                if let error = broken.error {
                    throw .unreachable(catalog: broken.source.name, url: broken.source.shownURL, cause: error)
                }
            }
            let ids = named.compactMap(\.document).flatMap(\.distributions).map(\.id)
            throw .noSuchDistribution(self.distribution, near: NearNames.suggest(self.distribution, among: ids))
        }
        guard found.count == 1 else {
            throw .ambiguous(self.distribution, catalogs: found.map(\.0.source.name))
        }
        if copy.state == .untrusted, let error = copy.error as? CatalogAccessError { throw error }
        let versions = distribution.versions
        let wanted = version.map { text in versions.first { $0.id.text == text } } ?? versions.first
        guard let chosen = wanted else {
            // What is asked for, or all that there was.
            let gone = version.map { text in distribution.withdrawn.first { $0.id.text == text } }
            if let gone = gone ?? (version == nil ? distribution.withdrawn.first : nil) {
                throw .withdrawn(distribution: distribution.id, gone, newest: versions.first?.id.text)
            }
            let ids = versions.map(\.id.text)
            let near = version.map { NearNames.suggest($0, among: ids) } ?? []
            throw .noSuchVersion(
                distribution: distribution.id, version: version ?? "", near: near.isEmpty ? Array(ids.prefix(3)) : near)
        }
        return ChosenVersion(source: copy.source, document: document, distribution: distribution, version: chosen)
    }
}
