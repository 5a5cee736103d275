import Synchronization
import TUF
import TestSupport

/// A repository of ours in a temporary folder, with a key for each role.
final class PublisherFixture: Sendable {
    let folder: TemporaryDirectory
    let repository: TUFRepository
    private let keys: Mutex<[TopLevelRole: SigningKey]>

    init(now: @escaping @Sendable () -> UTCTime = UTCTime.now) throws {
        folder = try TemporaryDirectory()
        repository = TUFRepository(path: "\(folder.path)/tree", now: now)
        var keys: [TopLevelRole: SigningKey] = [:]
        for role in TopLevelRole.allCases { keys[role] = SigningKey.generate() }
        self.keys = Mutex(keys)
    }

    var path: String { repository.path }

    func key(_ role: TopLevelRole) -> SigningKey { keys.withLock { $0[role] ?? SigningKey.generate() } }

    func replaceKey(of role: TopLevelRole, with key: SigningKey) { keys.withLock { $0[role] = key } }

    /// All keys.
    var all: [any Signer] { TopLevelRole.allCases.map { key($0) } }

    /// Those that a timer's machine has.
    var online: [any Signer] { [key(.timestamp), key(.snapshot)] }

    func create() throws {
        var roles: [TopLevelRole: RoleMembers] = [:]
        for role in TopLevelRole.allCases { roles[role] = RoleMembers([key(role).publicKey]) }
        try repository.create(roles: roles, signers: all)
    }

    /// A client without a state that starts from the first root.
    func client(
        store: any MetadataStore = InMemoryMetadataStore(), now: @escaping @Sendable () -> UTCTime = UTCTime.now
    )
        async throws -> TUFClient
    {
        let metadata = DirectorySource(path: "\(path)/metadata")
        let root = try await metadata.fetch("1.root.json", maximumLength: 1 << 20)
        return try TUFClient(
            store: store, trustedRoot: root, metadata: metadata, targets: DirectorySource(path: "\(path)/targets"),
            now: now)
    }
}
