/// Why metadata is not what its role may say, apart from signatures, versions and time.
package enum MetadataFault: Error, Sendable, Equatable {
    /// Not the JSON that metadata may be.
    case json(JSONError)
    /// A member is missing, or has another type or range than the specification gives it. The path is `signed.roles.root`.
    case field(String)
    /// A member has more entries, or a text more bytes, than are taken.
    case tooMany(String, limit: Int)
    /// A key signed twice, whether rightly or not.
    case repeatedSignature(keyID: String)
    /// `_type` names another kind of metadata than the file's place.
    case type(expected: String, found: String)
    /// Of a specification with another major number than 1.
    case specificationVersion(String)
}

extension MetadataFault {
    /// Whether the file is not metadata at all, such as the page of a network that wants its users to sign in first.
    package var isSomethingElse: Bool {
        switch self {
        case .json(.syntax), .json(.invalidText), .json(.notAnInteger), .json(.tooDeep): true
        case .field(let path): path.hasPrefix("metadata") || path == "signatures"
        case .json, .tooMany, .repeatedSignature, .type, .specificationVersion: false
        }
    }
}

extension MetadataFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .json(let error): "\(error)"
        case .field(let path): "its \(path) is missing or wrong"
        case .tooMany(let path, let limit): "its \(path) is longer than \(limit)"
        case .repeatedSignature(let keyID): "the key \(keyID.debugDescription) signed more than once"
        case .type(let expected, let found):
            "it is \(found.debugDescription) metadata, not \(expected.debugDescription)"
        case .specificationVersion(let version):
            "it follows version \(version.debugDescription) of the specification, and only version 1 is known here"
        }
    }
}
