/// The newest snapshot, signed again and again.
package struct TimestampMetadata: Sendable {
    package let header: MetadataHeader
    package let snapshot: MetadataFile

    /// - Throws: ``MetadataFault``.
    package init(_ document: SignedDocument) throws(MetadataFault) {
        let signed = try document.fields()
        header = try MetadataHeader(signed, type: "timestamp")
        snapshot = try MetadataFile(try signed.object("meta").object("snapshot.json"))
    }
}
