import Crypto
import Formats

/// A role that another one trusts with the names that match.
package struct DelegatedRole: Sendable {
    /// Which names.
    package enum Names: Sendable, Equatable {
        /// Shell patterns; none crosses a `/`.
        case paths([String])
        /// Beginnings of the SHA-256 of the name, hexadecimal.
        case pathHashPrefixes([String])
    }

    package let name: String
    package let keys: RoleKeys
    /// Whether the search ends here when the name matches.
    package let isTerminating: Bool
    package let names: Names
    /// The most patterns or beginnings of one role, and the most bytes of one.
    private static let most = (patterns: 4096, bytes: 2048)

    package init(name: String, keys: RoleKeys, isTerminating: Bool, names: Names) {
        self.name = name
        self.keys = keys
        self.isTerminating = isTerminating
        self.names = names
    }

    init(_ fields: FieldReader) throws(MetadataFault) {
        let name = try fields.string("name")
        // Such a role's file would take the place of a top-level one.
        guard !name.isEmpty, TopLevelRole(rawValue: name) == nil else { throw .field(fields.path("name")) }
        let names: Names
        switch (fields.table["paths"], fields.table["path_hash_prefixes"]) {
        case (.some, nil): names = .paths(try DelegatedRole.texts(fields, "paths"))
        case (nil, .some): names = .pathHashPrefixes(try DelegatedRole.texts(fields, "path_hash_prefixes"))
        default: throw .field(fields.path("paths"))
        }
        self.init(
            name: name, keys: try RoleKeys(fields), isTerminating: try fields.bool("terminating"), names: names)
    }

    private static func texts(_ fields: FieldReader, _ name: String) throws(MetadataFault) -> [String] {
        let texts = try fields.strings(name, atMost: most.patterns)
        guard texts.allSatisfy({ $0.utf8.count <= most.bytes }) else {
            throw .tooMany(fields.path(name), limit: most.bytes)
        }
        return texts
    }

    /// As metadata has it.
    var json: JSONValue {
        guard var members = keys.json.object else { return .null }
        members["name"] = .string(name)
        members["terminating"] = .bool(isTerminating)
        switch names {
        case .paths(let paths): members["paths"] = .array(paths.map { .string($0) })
        case .pathHashPrefixes(let prefixes): members["path_hash_prefixes"] = .array(prefixes.map { .string($0) })
        }
        return .object(members)
    }
}

/// A target's name, prepared to be matched with many delegations.
struct TargetPath {
    /// Between the slashes.
    let parts: [[Unicode.Scalar]]
    /// SHA-256 of the name's bytes, 64 lower-case digits.
    let digest: String

    init(_ name: String) {
        parts = name.unicodeScalars.split(separator: "/", omittingEmptySubsequences: false).map(Array.init)
        digest = Hexadecimal.string(of: SHA256.hash(data: Array(name.utf8)))
    }
}
