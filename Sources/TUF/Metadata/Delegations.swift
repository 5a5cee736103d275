import Crypto

/// The roles that a targets role trusts with some of its names.
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
    private let index: DelegationIndex

    /// The most roles in one file, and the most keys.
    private static let mostRoles = 32_768

    init(_ fields: FieldReader) throws(MetadataFault) {
        let keys = try fields.object("keys")
        guard keys.table.entries.count <= Delegations.mostRoles else {
            throw .tooMany(fields.path("keys"), limit: Delegations.mostRoles)
        }
        self.keys = try PublicKey.table(keys)
        switch (fields.table["roles"], fields.table["succinct_roles"]) {
        case (nil, .some):
            roles = .succinct(try SuccinctRoles(try fields.object("succinct_roles")))
            index = DelegationIndex([])
        case (.some, nil):
            var listed: [DelegatedRole] = []
            var names: Set<[UInt8]> = []
            for value in try fields.array("roles", atMost: Delegations.mostRoles) {
                let role = try DelegatedRole(try FieldReader(value, fields.path("roles")))
                guard names.insert(Array(role.name.utf8)).inserted else { throw .field(fields.path("roles")) }
                listed.append(role)
            }
            roles = .listed(listed)
            index = DelegationIndex(listed)
        default: throw .field(fields.path("roles"))
        }
    }

    /// The roles that may name a target, in order of trust, up to the first that ends the search.
    /// - Parameter steps: how many comparisons may be made; below 0 when they were not enough, and the answer is of no use.
    func roles(for target: String, steps: inout Int) -> (names: [String], isTerminating: Bool) {
        switch roles {
        case .succinct(let succinct): return ([succinct.roleName(for: target)], true)
        case .listed(let listed):
            var names: [String] = []
            for position in index.roles(for: TargetPath(target), steps: &steps) {
                names.append(listed[position].name)
                if listed[position].isTerminating { return (names, true) }
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

/// A power of two of bins with the same keys, named by a prefix and a number (TAP 15).
package struct SuccinctRoles: Sendable {
    package let keys: RoleKeys
    /// 1 to 32: how many leading bits of the name's SHA-256 choose the bin.
    package let bitLength: Int
    package let namePrefix: String

    init(_ fields: FieldReader) throws(MetadataFault) {
        keys = try RoleKeys(fields)
        bitLength = try fields.integer("bit_length", atLeast: 1)
        namePrefix = try fields.string("name_prefix")
        guard bitLength <= 32 else { throw .field(fields.path("bit_length")) }
    }

    /// The bin that may name a target.
    func roleName(for target: String) -> String {
        let digest = SHA256.hash(data: Array(target.utf8))
        let start = digest.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let digits = String(start >> UInt32(32 - bitLength), radix: 16)
        return "\(namePrefix)-\(String(repeating: "0", count: suffixLength - digits.utf8.count))\(digits)"
    }

    /// Digits of the last bin's number.
    private var suffixLength: Int { String((UInt64(1) << UInt64(bitLength)) - 1, radix: 16).utf8.count }
}

/// The order in which targets roles are searched for a target: preorder, depth first, each role once.
struct DelegationWalk {
    private let target: String
    private let maximumRoles: Int
    private var toVisit: [(role: String, delegator: String)] = [("targets", "root")]
    private var visited: Set<[UInt8]> = []
    /// Comparisons that may still be made; below 0 when they were not enough to know where the target may be.
    private(set) var steps: Int

    init(target: String, maximumRoles: Int, steps: Int) {
        self.steps = steps
        self.target = target
        self.maximumRoles = maximumRoles
    }

    /// The next role to look into; nil at the end of the search.
    mutating func next() -> (role: String, delegator: String)? {
        while visited.count <= maximumRoles, let next = toVisit.popLast() {
            // Roles may delegate in a circle.
            if visited.insert(Array(next.role.utf8)).inserted { return next }
        }
        return nil
    }

    /// Goes on with the roles that a visited role trusts with the target.
    mutating func descend(into targets: TargetsMetadata, of role: String) {
        guard let (names, isTerminating) = targets.delegations?.roles(for: target, steps: &steps), steps >= 0 else {
            return
        }
        if isTerminating { toVisit = [] }
        toVisit += names.reversed().map { ($0, role) }
    }
}
