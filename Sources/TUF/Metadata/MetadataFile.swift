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
