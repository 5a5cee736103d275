/// What timestamp and snapshot say about another metadata file.
package struct MetadataFile: Sendable {
    package let version: Int
    /// May have neither length nor digest.
    package let identity: FileIdentity

    package init(version: Int, identity: FileIdentity) {
        self.version = version
        self.identity = identity
    }

    init(_ fields: FieldReader) throws(MetadataFault) {
        version = try fields.version()
        identity = try FileIdentity(fields, minimumLength: 1, isRequired: false)
    }

    /// As metadata has it.
    var json: JSONValue {
        var members = identity.members
        members["version"] = .integer(version)
        return .object(members)
    }
}

/// The versions of all targets metadata that belong together.
package struct SnapshotMetadata: Sendable {
    package let header: MetadataHeader
    /// By file name without version: `targets.json`, `ROLE.json`.
    package let files: NameTable<MetadataFile>

    /// - Throws: ``MetadataFault``.
    package init(_ document: SignedDocument) throws(MetadataFault) {
        let signed = try document.fields()
        header = try MetadataHeader(signed, type: "snapshot")
        let meta = try signed.object("meta")
        files = try meta.table.mapValues { (entry) throws(MetadataFault) in
            try MetadataFile(try meta.object(entry.name))
        }
    }
}

/// The newest snapshot, signed again and again.
package struct TimestampMetadata: Sendable {
    package let header: MetadataHeader
    package let snapshot: MetadataFile

    /// - Throws: ``MetadataFault``.
    package init(_ document: SignedDocument) throws(MetadataFault) {
        let signed = try document.fields()
        header = try MetadataHeader(signed, type: "timestamp")
        let meta = try signed.object("meta")
        // The specification lets it name nothing else.
        guard meta.table.entries.count <= 1 else { throw .field(signed.path("meta")) }
        snapshot = try MetadataFile(try meta.object("snapshot.json"))
    }
}
