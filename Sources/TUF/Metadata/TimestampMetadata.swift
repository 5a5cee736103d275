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
