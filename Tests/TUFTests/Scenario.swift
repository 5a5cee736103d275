import TUF

/// A repository and a client that follows it.
struct Scenario {
    let repository: SimulatedRepository
    let store = InMemoryMetadataStore()

    init(isConsistent: Bool = true, hasHashes: Bool = false) throws {
        repository = try SimulatedRepository(isConsistent: isConsistent, hasHashes: hasHashes)
    }

    /// A client as a new process would make it.
    func client(limits: ClientLimits = ClientLimits(), after seconds: Int = 0) throws -> TUFClient {
        let now = repository.now.adding(seconds: seconds)
        return try TUFClient(
            store: store, trustedRoot: repository.firstRoot, metadata: repository, targets: repository,
            limits: limits, now: { now })
    }

    /// One refresh by a new client.
    func refresh(limits: ClientLimits = ClientLimits(), after seconds: Int = 0) async throws {
        try await client(limits: limits, after: seconds).refresh()
    }

    /// The error of a refresh that must fail.
    func failure(limits: ClientLimits = ClientLimits(), after seconds: Int = 0) async throws -> TUFError? {
        do {
            try await client(limits: limits, after: seconds).refresh()
            return nil
        } catch let error as TUFError {
            return error
        }
    }

    /// Versions that are kept: root, timestamp, snapshot, targets.
    func versions() throws -> [Int?] {
        try TopLevelRole.allCases.map { try store.version($0.rawValue) }
    }
}

extension TUFError {
    /// The reason, for metadata that is not trusted.
    var reason: UntrustedReason? { if case .untrusted(_, let reason) = self { reason } else { nil } }

    var isRollback: Bool { if case .rolledBack = self { true } else { false } }

    /// The role, for expired metadata.
    var expiredRole: String? { if case .expired(let role, _) = self { role } else { nil } }
}
