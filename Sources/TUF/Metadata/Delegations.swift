/// Whom a targets role trusts with some of its names.
package struct Delegations: Sendable {
    /// The delegated roles: listed, or computed from a digest.
    package enum Roles: Sendable {
        /// In order of trust.
        case listed([DelegatedRole])
        /// Equal bins, TAP 15.
        case succinct(SuccinctRoles)
    }

    /// By id.
    package let keys: NameTable<PublicKey>
    package let roles: Roles

    init(_ fields: FieldReader) throws(MetadataFault) {
        keys = try PublicKey.table(try fields.object("keys"))
        switch (fields.table["roles"], fields.table["succinct_roles"]) {
        case (nil, .some): roles = .succinct(try SuccinctRoles(try fields.object("succinct_roles")))
        case (.some, nil):
            var listed: [DelegatedRole] = []
            var names: Set<[UInt8]> = []
            for value in try fields.array("roles") {
                let role = try DelegatedRole(try FieldReader(value, fields.path("roles")))
                guard names.insert(Array(role.name.utf8)).inserted else { throw .field(fields.path("roles")) }
                listed.append(role)
            }
            roles = .listed(listed)
        default: throw .field(fields.path("roles"))
        }
    }

    /// The roles that may name a target, in order of trust, up to the first that ends the search.
    func roles(for target: String) -> (names: [String], isTerminating: Bool) {
        switch roles {
        case .succinct(let succinct): return ([succinct.roleName(for: target)], true)
        case .listed(let listed):
            var names: [String] = []
            let path = TargetPath(target)
            for role in listed where role.isTrusted(with: path) {
                names.append(role.name)
                if role.isTerminating { return (names, true) }
            }
            return (names, false)
        }
    }

    /// Who signs for a role that ``roles(for:)`` gave; nil when it is not delegated here.
    package func keys(of role: String) -> RoleKeys? {
        switch roles {
        case .succinct(let succinct): succinct.keys
        case .listed(let listed): listed.first { $0.name.utf8.elementsEqual(role.utf8) }?.keys
        }
    }
}
