/// The keys of a role and how many of them must sign: what a publisher chooses.
package struct RoleMembers: Sendable {
    /// By id. The ids of keys that are in the metadata already stay as they are.
    package var keys: NameTable<PublicKey>
    package var threshold: Int

    /// New members.
    package init(_ keys: [PublicKey], threshold: Int = 1) {
        self.keys = NameTable()
        self.threshold = threshold
        for key in keys { self.keys[key.keyID] = key }
    }

    /// The members that metadata names.
    init(_ role: RoleKeys, among all: NameTable<PublicKey>) {
        keys = NameTable()
        threshold = role.threshold
        for id in role.keyIDs { keys[id] = all[id] }
    }

    /// Takes a key out and puts another in.
    package mutating func replace(_ old: PublicKey, with new: PublicKey) {
        for entry in keys.entries where entry.value.identity == old.identity { keys[entry.name] = nil }
        keys[new.keyID] = new
    }

    var roleKeys: RoleKeys { RoleKeys(keyIDs: keys.entries.map(\.name), threshold: threshold) }

    /// - Throws: ``RepositoryError/unreachableThreshold(role:)``.
    func check(_ role: String) throws(RepositoryError) {
        let different = Set(keys.entries.compactMap(\.value.identity)).count
        guard threshold >= 1, threshold <= different else { throw .unreachableThreshold(role: role) }
    }
}
