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
