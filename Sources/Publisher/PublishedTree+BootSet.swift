import Catalog
import ImageIndex
import Linux

extension PublishedTree {
    /// Publishes what a start of a version touches: the boot set first, then the catalog that names it.
    /// - Throws: ``PublisherError``; the catalog is as it was then.
    package func publish(
        _ bootSet: BootSet, of distribution: String, _ version: VersionID
    ) throws(PublisherError) {
        let lock = try lock()
        defer { lock.unlock() }
        var document = try catalog()
        guard let place = document.distributions.firstIndex(where: { $0.id == distribution }),
            let position = document.distributions[place].versions.firstIndex(where: { $0.id == version })
        else { throw .noSuchVersion(distribution: distribution, version: version) }
        let name = "\(distribution)/\(version).bootset"
        do {
            try AtomicFile.write(Array(bootSet.text.utf8), to: target(name), durable: true)
        } catch {
            throw .unwritable(error)
        }
        document.distributions[place].versions[position].bootSet = name
        document.updated = .now
        try write(document)
    }
}
