import Catalog
import ImageIndex

/// Boot sets for versions that nobody has recorded, neither here nor their publisher, each derived from the nearest version of the same system
/// that was. Of that one the index and the boot set must be here: no server is asked. Each is read once.
///
/// For use on one thread and for a short time: recordings come.
final class DerivedBootSets {
    private let source: CatalogSource
    private let distribution: Distribution
    private let catalogs: CatalogLibrary
    private let recorded: BootSetLibrary
    /// Versions that were recorded, as far as is known without reading anything.
    private lazy var candidates = recordedVersions()
    private var templates: [VersionID: BootSetTemplate] = [:]

    init(
        _ source: CatalogSource, _ distribution: Distribution, catalogs: CatalogLibrary, recorded: BootSetLibrary
    ) {
        (self.source, self.distribution) = (source, distribution)
        (self.catalogs, self.recorded) = (catalogs, recorded)
    }

    /// What a start of a version reads, as far as that is known here.
    func start(of summary: VersionSummary, _ index: ImageIndex) -> BootSetLibrary.Expected? {
        // A boot set has the names of what a packed file unpacks to.
        if summary.isPacked { return nil }
        let published = source.isVendors ? nil : catalogs.bootSetPath(source, distribution, summary.version)
        return recorded.expected(summary.version, summary.key, published: published) {
            bootSet(of: summary.version, index)
        }
    }

    /// The boot set of a version; nil where there is nothing that it could be derived from.
    func bootSet(of version: DistributionVersion, _ index: ImageIndex) -> BootSet? {
        guard !source.isVendors, version.isDerivable else { return nil }
        while let near = candidates.nearest(to: version.id) {
            if let template = templates[near.id] ?? template(of: near) {
                templates[near.id] = template
                // Without it a start is slower, no more.
                let bootSet = try? template.bootSet(of: index)
                return bootSet?.ids.isEmpty == true ? nil : bootSet
            }
            candidates.removeAll { $0.id == near.id }
        }
        return nil
    }

    private func recordedVersions() -> [DistributionVersion] {
        let here = catalogs.versionsWithIndex(source, distribution)
        let own = recorded.versions(source.name, distribution.id)
        return distribution.versions.filter { version in
            version.isDerivable && here.contains(version.id.text)
                && (version.recordedBootSet != nil || own.contains(version.id.text))
        }
    }

    private func template(of version: DistributionVersion) -> BootSetTemplate? {
        let published = version.recordedBootSet.map { _ in catalogs.bootSetPath(source, distribution, version) }
        let key = VersionKey(catalog: source.name, distribution: distribution.id, version: version.id.text)
        guard let bootSet = recorded.best(key, published: published) else { return nil }
        // What cannot be read counts as not stored.
        return try? BootSetTemplate(bootSet, of: ImageIndex(path: catalogs.indexPath(source, distribution, version)))
    }
}

extension VersionSummary {
    /// Whether all of its file is still to be unpacked.
    var isPacked: Bool { isWholeFirst && downloadFirst != 0 }
}

extension CatalogLibrary {
    /// Sees to it that there is something here that a version's boot set can be derived from, where neither the publisher has one nor
    /// this machine's own boots recorded any version of the system: brings the index and the boot set of the nearest recorded one.
    ///
    /// Without it a start is slower, no more: what fails is not told.
    package func bringNeighbour(of chosen: ChosenVersion, _ places: Places) async {
        let recorded = BootSetLibrary(places: places)
        guard chosen.version.bootSet == nil, chosen.version.isDerivable, !chosen.source.isVendors,
            recorded.versions(chosen.source.name, chosen.distribution.id).isEmpty,
            let near = chosen.distribution.versions
                .filter({ $0.isDerivable && $0.recordedBootSet != nil && $0.id != chosen.version.id })
                .nearest(to: chosen.version.id)
        else { return }
        let neighbour = ChosenVersion(
            source: chosen.source, document: chosen.document, distribution: chosen.distribution, version: near)
        async let indexPath = index(of: neighbour)
        async let bootSetPath = bootSet(of: neighbour)
        // As above.
        _ = try? await (indexPath, bootSetPath)
    }
}
