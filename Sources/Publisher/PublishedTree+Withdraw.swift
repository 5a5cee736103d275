import Catalog

extension PublishedTree {
    /// Takes a version out of the catalog, and notes there that it was there and why it is not any more. Its blocks stay until a
    /// ``prune(_:graceDays:dryRun:progress:cancellation:)`` finds that no reader can ask for them.
    /// - Parameter why: for people; empty where nothing is said.
    /// - Throws: ``PublisherError``; the catalog is as it was then.
    package func withdraw(_ distribution: String, _ version: VersionID, why: String) throws(PublisherError) {
        let lock = try lock()
        defer { lock.unlock() }
        let contents = try contents()
        var document = try contents.catalog()
        guard let place = document.distributions.firstIndex(where: { $0.id == distribution }),
            let entry = document.distributions[place].version(version)
        else { throw contents.noVersion(version, of: distribution) }
        document.distributions[place].versions.removeAll { $0.id == version }
        // More than readers take: the oldest has been told long enough.
        let withdrawn = document.distributions[place].withdrawn
        if withdrawn.count >= CatalogDocument.mostWithdrawn,
            let oldest = withdrawn.indices.min(by: { withdrawn[$0].when < withdrawn[$1].when })
        {
            document.distributions[place].withdrawn.remove(at: oldest)
        }
        document.distributions[place].withdrawn.append(
            WithdrawnVersion(id: version, when: clock(), why: why, digest: entry.digest, origin: entry.origin))
        document.distributions[place].withdrawn.sort { $0.id > $1.id }
        document.updated = clock()
        try publish(
            document, distribution: distribution, files: [],
            removing: [entry.index] + (entry.bootSet.map { [$0] } ?? []), contents)
    }
}

extension TreeContents {
    /// Why there is no such version: it was never there, or it was withdrawn.
    func noVersion(_ version: VersionID, of distribution: String) -> PublisherError {
        do {
            if let withdrawn = try catalog().distribution(distribution)?.withdrawal(of: version) {
                return .withdrawn(distribution: distribution, withdrawn)
            }
            return .noSuchVersion(distribution: distribution, version: version)
        } catch {
            return error
        }
    }
}
