/// Why metadata is not what its role may say, apart from signatures, versions and time.
package enum MetadataFault: Error, Sendable, Equatable {
    /// Not the JSON that metadata may be.
    case json(JSONError)
    /// A member is missing, or has another type or range than the specification gives it. The path is `signed.roles.root`.
    case field(String)
    /// `_type` names another kind of metadata than the file's place.
    case type(expected: String, found: String)
    /// Of a specification with another major number than 1.
    case specificationVersion(String)
}
