import Formats

/// `sources.json`: what a catalog offers of which the bytes lie at a vendor's.
///
/// Readers of released versions do not ask for it, and see only what they can boot. Every other reader, and the publisher, has one document
/// of both.
extension CatalogDocument {
    /// The signed target's name.
    package static let sourcesName = "sources.json"

    /// Takes in what a `sources.json` has. What the catalog says of a distribution or a version counts more.
    package mutating func merge(sources: CatalogDocument) {
        let places = Dictionary(uniqueKeysWithValues: distributions.enumerated().map { ($1.id, $0) })
        for other in sources.distributions {
            guard let place = places[other.id] else {
                distributions.append(other)
                continue
            }
            distributions[place].merge(sources: other)
        }
    }

    /// The two documents that this one is published as.
    /// - Parameters:
    ///   - catalog: what the published catalog.json has now: a distribution stays where it is.
    ///   - sources: what the published sources.json has now; nil where there is none.
    /// - Returns: the second is nil where none is needed: there was none, and no version has a source.
    package func parted(
        catalog: CatalogDocument?, sources: CatalogDocument?
    ) -> (catalog: CatalogDocument, sources: CatalogDocument?) {
        let listed = Set(catalog?.distributions.map(\.id) ?? [])
        let sourced = Set(sources?.distributions.map(\.id) ?? [])
        var (plain, other) = (self, self)
        plain.distributions = distributions.compactMap { distribution in
            var part = distribution
            part.versions.removeAll { $0.source != nil }
            // One without any version stays where it was.
            let isOther = part.versions.count < distribution.versions.count || sourced.contains(distribution.id)
            return listed.contains(distribution.id) || !part.versions.isEmpty || !isOther ? part : nil
        }
        let inCatalog = Set(plain.distributions.map(\.id))
        other.distributions = distributions.compactMap { distribution in
            var part = distribution
            part.versions.removeAll { $0.source == nil }
            if inCatalog.contains(distribution.id) {
                // The catalog's entry says the rest.
                part.withdrawn = []
                return part.versions.isEmpty ? nil : part
            }
            return part
        }
        other.mirrors = []
        if let sources, sources.distributions == other.distributions { return (plain, sources) }
        return (plain, sources == nil && other.distributions.isEmpty ? nil : other)
    }
}

extension Distribution {
    fileprivate mutating func merge(sources other: Distribution) {
        let known = Set(versions.map(\.id) + withdrawn.map(\.id))
        versions = (versions + other.versions.filter { !known.contains($0.id) }).sorted { $0.id > $1.id }
        withdrawn = (withdrawn + other.withdrawn.filter { !known.contains($0.id) }).sorted { $0.id > $1.id }
    }
}

/// A `sources.json` as it is read: a catalog's document, of whose versions the sources are read, too.
struct SourcesDocument: Decodable {
    let document: CatalogDocument

    private enum CodingKeys: String, CodingKey { case distributions }

    init(from decoder: any Decoder) throws {
        var document = try CatalogDocument(from: decoder)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        document.distributions =
            try container.decodeIfPresent([SourcedDistribution].self, forKey: .distributions)?.map(\.distribution) ?? []
        self.document = document
    }
}

private struct SourcedDistribution: Decodable {
    let distribution: Distribution

    private enum CodingKeys: String, CodingKey { case versions }

    init(from decoder: any Decoder) throws {
        var distribution = try Distribution(from: decoder)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let versions = try container.decodeIfPresent([SourcedVersion].self, forKey: .versions) ?? []
        distribution.versions = versions.compactMap(\.version).sorted { $0.id > $1.id }
        self.distribution = distribution
    }
}

private struct SourcedVersion: Decodable {
    /// Nil where this program does not know what a word of its source means.
    let version: DistributionVersion?

    private enum CodingKeys: String, CodingKey { case source }

    private struct Words: Decodable {
        let format: String
        let trust: String
    }

    init(from decoder: any Decoder) throws {
        var version = try DistributionVersion(from: decoder)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        guard let words = try container.decodeIfPresent(Words.self, forKey: .source) else {
            self.version = version
            return
        }
        guard DiskFormat(rawValue: words.format) != nil, TrustLevel(rawValue: words.trust) != nil else {
            self.version = nil
            return
        }
        version.source = try container.decode(VersionSource.self, forKey: .source)
        // A vendor's image is compared with what the vendor says: nothing of it is taken on the publisher's word alone.
        version.packs = []
        self.version = version
    }
}
