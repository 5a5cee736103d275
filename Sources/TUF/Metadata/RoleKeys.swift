/// Who may sign for a role, and how many of them must.
package struct RoleKeys: Sendable, Equatable {
    /// Ids as the metadata gives them; nothing is computed from them.
    package var keyIDs: [String]
    /// At least 1.
    package var threshold: Int

    package init(keyIDs: [String], threshold: Int) {
        self.keyIDs = keyIDs
        self.threshold = threshold
    }

    init(_ role: FieldReader) throws(MetadataFault) {
        keyIDs = try role.strings("keyids")
        threshold = try role.integer("threshold", atLeast: 1)
        guard Set(keyIDs).count == keyIDs.count else { throw .field(role.path("keyids")) }
    }

    /// As metadata has it.
    var json: JSONValue {
        .object(["keyids": .array(keyIDs.map { .string($0) }), "threshold": .integer(threshold)])
    }
}
