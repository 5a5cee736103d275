import Formats

/// The newest metadata of a repository.
package struct RepositoryState: Sendable {
    package let root: RootMetadata
    package let timestamp: TimestampMetadata
    package let snapshot: SnapshotMetadata
    /// Signed parts and signatures as they are in the files, by role: root, timestamp, snapshot, targets, delegated ones.
    package let documents: NameTable<SignedDocument>

    /// Reads it; nil where there is no repository.
    /// - Throws: ``RepositoryError``.
    init?(_ folder: RepositoryFolder) throws(RepositoryError) {
        var documents = NameTable<SignedDocument>()
        var version = 1
        while let root = try folder.metadata("\(version).root.json") {
            documents["root"] = root
            version += 1
        }
        guard let rootDocument = documents["root"] else { return nil }
        root = try Self.decode("metadata/\(version - 1).root.json", rootDocument, RootMetadata.init)
        let stamp = try Self.require("timestamp.json", folder)
        timestamp = try Self.decode("metadata/timestamp.json", stamp, TimestampMetadata.init)
        let shot = try Self.require("\(timestamp.snapshot.version).snapshot.json", folder)
        snapshot = try Self.decode("metadata/\(timestamp.snapshot.version).snapshot.json", shot, SnapshotMetadata.init)
        documents["timestamp"] = stamp
        documents["snapshot"] = shot
        for entry in snapshot.files.entries {
            let role = String(entry.name.dropLast(".json".count))
            let file = "\(entry.value.version).\(PercentEncoding.fileName(of: role)).json"
            documents[role] = try Self.require(file, folder)
        }
        self.documents = documents
    }

    /// The targets of a role.
    /// - Throws: ``RepositoryError``.
    package func targets(of role: String = "targets") throws(RepositoryError) -> TargetsMetadata {
        guard let document = documents[role], role != "root", role != "timestamp", role != "snapshot" else {
            throw .noSuchRole(role)
        }
        return try Self.decode("\(role).json", document, TargetsMetadata.init)
    }

    private static func require(_ file: String, _ folder: RepositoryFolder) throws(RepositoryError) -> SignedDocument {
        guard let document = try folder.metadata(file) else { throw .missing(file: "metadata/\(file)") }
        return document
    }

    static func decode<Metadata>(
        _ file: String, _ document: SignedDocument, _ decode: (SignedDocument) throws(MetadataFault) -> Metadata
    ) throws(RepositoryError) -> Metadata {
        do throws(MetadataFault) {
            return try decode(document)
        } catch {
            throw .damaged(file: file, error)
        }
    }
}
