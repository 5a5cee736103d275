import Catalog
import ImageIndex

extension PublishedTree {
    /// Publishes what a start of a version touches: the boot set first, then the catalog that names it.
    /// - Throws: ``PublisherError``; the catalog is as it was then.
    package func publish(
        _ bootSet: BootSet, of distribution: String, _ version: VersionID
    ) throws(PublisherError) {
        let lock = try lock()
        defer { lock.unlock() }
        let contents = try contents()
        var document = try contents.catalog()
        guard let place = document.distributions.firstIndex(where: { $0.id == distribution }),
            let position = document.distributions[place].versions.firstIndex(where: { $0.id == version })
        else { throw .noSuchVersion(distribution: distribution, version: version) }
        let name = "\(distribution)/\(version).bootset"
        document.distributions[place].versions[position].bootSet = name
        document.updated = .now
        try publish(
            document, distribution: distribution, files: [(name, Array(bootSet.text.utf8))], contents)
    }
}
