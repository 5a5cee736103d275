/// Files, and who else may name files.
package struct TargetsMetadata: Sendable {
    package let header: MetadataHeader
    /// By name.
    package let targets: NameTable<TargetFile>
    package let delegations: Delegations?

    /// - Throws: ``MetadataFault``.
    package init(_ document: SignedDocument) throws(MetadataFault) {
        let signed = try document.fields()
        header = try MetadataHeader(signed, type: "targets")
        let listed = try signed.object("targets")
        targets = try listed.table.mapValues { (entry) throws(MetadataFault) in
            try TargetFile(name: entry.name, try FieldReader(entry.value, "signed.targets"))
        }
        delegations =
            signed.table["delegations"] == nil ? nil : try Delegations(try signed.object("delegations"))
    }
}
