/// The order in which targets roles are searched for a target: preorder, depth first, each role once.
struct DelegationWalk {
    private let target: String
    private let maximumRoles: Int
    private var toVisit: [(role: String, delegator: String)] = [("targets", "root")]
    private var visited: Set<[UInt8]> = []

    init(target: String, maximumRoles: Int) {
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
        guard let (names, isTerminating) = targets.delegations?.roles(for: target) else { return }
        if isTerminating { toVisit = [] }
        toVisit += names.reversed().map { ($0, role) }
    }
}
