import Catalog
import Linux
import TUF

/// A published tree without blocks, signed with keys that live as long as the test.
package struct SignedTree: Sendable {
    package let path: String
    private let keys: [SigningKey]
    private let repository: TUFRepository

    /// - Parameter lifetimes: in days; negative ones have expired when they begin.
    package init(path: String, lifetimes: RepositoryLifetimes = RepositoryLifetimes()) throws {
        self.path = path
        let keys = (0..<3).map { _ in SigningKey.generate() }
        self.keys = keys
        repository = TUFRepository(path: path, lifetimes: lifetimes)
        try Folder.make(path)
        try repository.create(
            roles: [
                .root: RoleMembers([keys[0].publicKey]), .targets: RoleMembers([keys[1].publicKey]),
                .snapshot: RoleMembers([keys[2].publicKey]), .timestamp: RoleMembers([keys[2].publicKey]),
            ], signers: keys)
    }

    /// The first root's bytes: what a reader trusts.
    package var root: [UInt8] {
        get throws { try FileContents.read("\(path)/metadata/1.root.json", limit: 1 << 20) }
    }

    /// Signs and publishes files by name.
    package func publish(_ files: [String: [UInt8]], role: String = "targets", by extra: [SigningKey] = []) throws {
        let added = try files.map { try repository.store($0.value, as: $0.key) }
        try repository.update(role: role, adding: added, signers: keys + extra)
    }

    /// Signs that files are no longer published; they stay.
    package func remove(_ names: [String]) throws { try repository.update(removing: names, signers: keys) }

    package func publish(_ document: CatalogDocument) throws { try publish(["catalog.json": try document.encode()]) }

    /// Lets another key sign for one distribution.
    package func delegate(_ distribution: String, to key: SigningKey) throws {
        try repository.delegate(
            distribution, to: RoleMembers([key.publicKey]), paths: ["\(distribution)/*"], signers: keys + [key])
    }

    /// Where a published file lies.
    package func file(_ name: String, _ bytes: [UInt8]) -> String {
        let digest = FileIdentity(of: bytes).sha256 ?? ""
        let parts = name.split(separator: "/")
        let folder = parts.dropLast().map { "\($0)/" }.joined()
        return "targets/\(folder)\(digest).\(parts.last ?? "")"
    }
}
