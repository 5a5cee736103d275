import Catalog
import ImageIndex

extension PublishedTree {
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
            entry.recordingError = nil
        }
    }

    /// Notes why a version has no boot set, for ``statistics()``. One that it has from before stays.
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
}
