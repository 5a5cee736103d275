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
