/// What a user types to name a version: `[CATALOG/]DISTRO[@VERSION]`.
///
/// `vendors` is the catalog of what vendors offer themselves; there, an alias such as `ubuntu` names a distribution, too, and
/// the vendor's name of a build names a version.
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
        try choose(from: find(in: copies))
    }

    /// Finds the distribution among the catalogs' copies: a followed catalog's, and a vendor's where no catalog has one.
    /// - Throws: ``CatalogAccessError``; near names are suggested.
    package func find(in copies: [CatalogCopy]) throws(CatalogAccessError) -> FoundDistribution {
        guard !copies.isEmpty else { throw .noCatalogs }
        let named = catalog.map { name in copies.filter { $0.source.name == name } } ?? copies
        if let catalog, named.isEmpty {
            throw .noSuchCatalog(catalog, near: NearNames.suggest(catalog, among: copies.map(\.source.name)))
        }
        let found = named.compactMap { copy -> FoundDistribution? in
            guard let document = copy.document,
                let distribution = document.distribution(distribution)
                    ?? copy.aliases[distribution].flatMap(document.distribution)
            else { return nil }
            return FoundDistribution(copy: copy, document: document, distribution: distribution)
        }
        let followed = found.filter { !$0.copy.source.isVendors }
        // A catalog that could not be read may be the one that has it: say so rather than "no such distribution", and rather
        // than take another system of this name.
        if followed.isEmpty, let broken = named.first(where: { $0.document == nil }), let error = broken.error {
            if let error = error as? CatalogAccessError { throw error }
            throw .unreachable(catalog: broken.source.name, url: broken.source.shownURL, cause: error)
        }
        guard let first = followed.first ?? found.first else {
            let ids = named.flatMap { ($0.document?.distributions.map(\.id) ?? []) + $0.aliases.keys }
            throw .noSuchDistribution(distribution, near: NearNames.suggest(distribution, among: ids))
        }
        guard followed.count <= 1 else {
            throw .ambiguous(distribution, catalogs: followed.map(\.copy.source.name))
        }
        if first.copy.state == .untrusted, let error = first.copy.error as? CatalogAccessError { throw error }
        return first
    }

    /// Chooses the version of a distribution that was found: by its id, or by the name that its vendor gave the build.
    /// - Throws: ``CatalogAccessError``; near names are suggested.
    package func choose(from found: FoundDistribution) throws(CatalogAccessError) -> ChosenVersion {
        let distribution = found.distribution
        let versions = distribution.versions
        let wanted =
            version.map { text in
                versions.first { $0.id.text == text } ?? versions.first { $0.source?.build == text }
            } ?? versions.first
        guard let chosen = wanted else {
            // What is asked for, or all that there was.
            let gone = version.map { text in distribution.withdrawn.first { $0.id.text == text } }
            if let gone = gone ?? (version == nil ? distribution.withdrawn.first : nil) {
                throw .withdrawn(distribution: distribution.id, gone, newest: versions.first?.id.text)
            }
            let ids = versions.map(\.id.text)
            let near = version.map { NearNames.suggest($0, among: ids + versions.compactMap(\.source?.build)) } ?? []
            throw .noSuchVersion(
                distribution: distribution.id, version: version ?? "", near: near.isEmpty ? Array(ids.prefix(3)) : near)
        }
        return ChosenVersion(
            source: found.copy.source, document: found.document, distribution: distribution, version: chosen)
    }
}

/// A distribution that was found by its name, and the copy of the catalog that has it.
package struct FoundDistribution: Sendable {
    package let copy: CatalogCopy
    package let document: CatalogDocument
    package var distribution: Distribution

    package init(copy: CatalogCopy, document: CatalogDocument, distribution: Distribution) {
        (self.copy, self.document, self.distribution) = (copy, document, distribution)
    }
}
