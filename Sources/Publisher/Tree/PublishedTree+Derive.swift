import Catalog
import ImageIndex

/// A boot set that was derived for a version which nobody has recorded.
package struct DerivedBootSet: Sendable, Equatable {
    package let version: VersionID
    /// The recorded version that it was derived from.
    package let from: VersionID
    package let blocks: Int
}

extension PublishedTree {
    /// Publishes boot sets for the versions of a distribution that have none of their own starts, each derived from the nearest version
    /// that was recorded. It may be done again: what was derived before is replaced where a nearer version was recorded since.
    /// - Returns: what changed, the newest version first.
    /// - Throws: ``PublisherError``; the catalog is as it was then.
    package func deriveBootSets(
        of distribution: String, cancellation: Cancellation = Cancellation()
    ) throws(PublisherError) -> [DerivedBootSet] {
        let lock = try lock()
        defer { lock.unlock() }
        let contents = try contents()
        try checkClock(contents)
        var document = try contents.catalog()
        guard let place = document.distributions.firstIndex(where: { $0.id == distribution }) else {
            throw .usage(option: "DISTRO", reason: "the catalog has no distribution \(distribution)")
        }
        let entry = document.distributions[place]
        let templates = BootSetTemplates(contents, entry)
        var derived: [DerivedBootSet] = []
        var files: [(name: String, bytes: [UInt8])] = []
        for (position, version) in entry.versions.enumerated()
        where version.recordedBootSet == nil && version.isDerivable {
            try cancellation.check()
            guard let near = templates.nearest(to: version.id) else { continue }
            let bootSet = try contents.bootSet(of: version, by: near.template)
            let isKnown = version.bootSetFrom == near.from && version.bootSet.flatMap(contents.bootSet) == bootSet
            if bootSet.ids.isEmpty || isKnown { continue }
            files.append(document.distributions[place].versions[position].take(bootSet, from: near.from, distribution))
            derived.append(DerivedBootSet(version: version.id, from: near.from, blocks: bootSet.ids.count))
        }
        if derived.isEmpty { return [] }
        document.updated = clock()
        try publish(document, distribution: distribution, files: files, contents)
        return derived
    }
}

/// What is known of the starts of a distribution's recorded versions. Each is read when it is needed, and once.
final class BootSetTemplates {
    /// What a version's boot set can be derived from.
    struct Nearest {
        let from: VersionID
        let template: BootSetTemplate

        /// The boot set of another image; nil where there is none that could be derived: then it is recorded, or there is none.
        func bootSet(ofIndex path: String) -> BootSet? {
            // It is advice: the version is published without one as well.
            let bootSet = try? template.bootSet(of: ImageIndex(path: path))
            return bootSet?.ids.isEmpty == true ? nil : bootSet
        }
    }

    private let contents: TreeContents
    /// The recorded versions, but for those that could not be read.
    private var candidates: [DistributionVersion]
    private var templates: [VersionID: BootSetTemplate] = [:]

    init(_ contents: TreeContents, _ distribution: Distribution) {
        self.contents = contents
        candidates = distribution.versions.filter { $0.isDerivable && $0.recordedBootSet != nil }
    }

    /// That of the recorded version that is the nearest to another one. What cannot be read is passed over: it is advice.
    func nearest(to id: VersionID) -> Nearest? {
        while let version = candidates.nearest(to: id) {
            if let template = templates[version.id] ?? template(of: version) {
                templates[version.id] = template
                return Nearest(from: version.id, template: template)
            }
            candidates.removeAll { $0.id == version.id }
        }
        return nil
    }

    private func template(of version: DistributionVersion) -> BootSetTemplate? {
        guard let bootSet = version.recordedBootSet.flatMap(contents.bootSet) else { return nil }
        // As above.
        return try? BootSetTemplate(bootSet, of: contents.index(version.index))
    }
}

extension TreeContents {
    /// What the start of a version that is added will probably read; nil where no version of its distribution was recorded.
    func nearestStart(to new: NewVersion, _ document: CatalogDocument) -> BootSetTemplates.Nearest? {
        document.distribution(new.distribution).flatMap { BootSetTemplates(self, $0).nearest(to: new.version) }
    }

    /// - Throws: ``PublisherError/index(path:_:)``.
    fileprivate func bootSet(
        of version: DistributionVersion, by template: BootSetTemplate
    ) throws(PublisherError) -> BootSet {
        let index = try index(version.index)
        do {
            return try template.bootSet(of: index)
        } catch {
            throw .index(path: version.index, error as? ImageIndexError ?? .malformed(reason: "\(error)"))
        }
    }
}

extension DistributionVersion {
    /// Takes a boot set that was derived for it.
    /// - Returns: the file to publish with it.
    mutating func take(
        _ derived: BootSet, from recorded: VersionID, _ distribution: String
    ) -> (name: String, bytes: [UInt8]) {
        let name = "\(distribution)/\(id).bootset"
        (bootSet, bootSetFrom) = (name, recorded)
        return (name, Array(derived.text.utf8))
    }
}
