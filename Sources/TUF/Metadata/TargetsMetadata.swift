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

/// A file that a targets role vouches for.
package struct TargetFile: Sendable {
    /// The path below the repository's targets, such as `debian/2026-11-16.caibx`.
    package let name: String
    /// Length and digests; both are there.
    package let identity: FileIdentity
    /// What the publisher keeps beside it; nil where there is nothing.
    package let custom: JSONValue?

    package init(name: String, identity: FileIdentity, custom: JSONValue? = nil) {
        self.name = name
        self.identity = identity
        self.custom = custom
    }

    init(name: String, _ fields: FieldReader) throws(MetadataFault) {
        self.name = name
        identity = try FileIdentity(fields, minimumLength: 0, isRequired: true)
        custom = fields.table["custom"]
    }

    /// Bytes.
    package var length: Int { identity.length ?? 0 }
    /// 64 lower-case digits; nil when the metadata has only other digests.
    package var sha256: String? { identity.sha256 }
}

extension TargetFile {
    /// As metadata has it.
    var json: JSONValue {
        var members = identity.members
        members["custom"] = custom
        return .object(members)
    }
}
