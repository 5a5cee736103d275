import Catalog
import ImageIndex

extension PublishedTree {
    /// Takes a version out of the catalog, and notes there that it was there and why it is not any more. Its blocks stay until a
    /// ``prune(_:graceDays:dryRun:progress:cancellation:)`` finds that no reader can ask for them.
    /// - Parameter why: for people; may be empty.
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
            document, distribution: distribution, files: [], removing: entry.targets, contents)
    }

    /// Publishes what a start of a version touches: the boot set, and the catalog that names it.
    /// - Throws: ``PublisherError``; the catalog is as it was then.
    package func publish(
        _ bootSet: BootSet, of distribution: String, _ version: VersionID
    ) throws(PublisherError) {
        let lock = try lock()
        defer { lock.unlock() }
        let name = "\(distribution)/\(version).bootset"
        try change(distribution, version, files: [(name, Array(bootSet.text.utf8))]) { entry in
            entry.bootSet = name
            entry.bootSetFrom = nil
            entry.recordingError = nil
        }
    }

    /// Notes why a version has no boot set, for ``TreeStatistics``. One that it has from before stays.
    /// - Throws: ``PublisherError``.
    package func noteRecordingFailure(
        _ reason: String, of distribution: String, _ version: VersionID
    ) throws(PublisherError) {
        let lock = try lock()
        defer { lock.unlock() }
        try change(distribution, version) { entry in
            entry.recordingError = String(String.UnicodeScalarView(reason.unicodeScalars.prefix(500)))
        }
    }

    /// Pins a version, so that no rule removes it, or unpins it.
    /// - Throws: ``PublisherError``.
    package func pin(_ distribution: String, _ version: VersionID, _ isPinned: Bool) throws(PublisherError) {
        let lock = try lock()
        defer { lock.unlock() }
        try change(distribution, version) { $0.isPinned = isPinned }
    }

    /// Publishes a change of what the catalog says about a version. Call it under ``lock(sweeping:)``.
    /// - Parameters:
    ///   - files: of the distribution's, published with it.
    ///   - removing: names that are vouched for no longer.
    /// - Throws: ``PublisherError``.
    func change(
        _ distribution: String, _ version: VersionID, files: [(name: String, bytes: [UInt8])] = [],
        removing: [String] = [],
        _ edit: (inout DistributionVersion) -> Void
    ) throws(PublisherError) {
        let contents = try contents()
        var document = try contents.catalog()
        guard let place = document.distributions.firstIndex(where: { $0.id == distribution }),
            let position = document.distributions[place].versions.firstIndex(where: { $0.id == version })
        else { throw contents.noVersion(version, of: distribution) }
        let before = document.distributions[place].versions[position]
        edit(&document.distributions[place].versions[position])
        if files.isEmpty && document.distributions[place].versions[position] == before { return }
        document.updated = clock()
        try publish(document, distribution: distribution, files: files, removing: removing, contents)
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
