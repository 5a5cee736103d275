import TUF
import Testing

/// Chains of roots and what a change of keys means for the roles below.
@Suite struct RootRotationTests {
    /// One root version: its keys by number, how many must sign, who signs, and whether a client takes it.
    struct Version: Sendable {
        let keys: [Int]
        let threshold: Int
        let signers: [Int]
        var isTaken = true
    }

    /// What the public conformance suite tries, and a few more.
    static let chains: [[Version]] = [
        [.init(keys: [2], threshold: 1, signers: [2, 1]), .init(keys: [2], threshold: 1, signers: [2])],
        [.init(keys: [2], threshold: 1, signers: [3, 2, 1, 4]), .init(keys: [2], threshold: 1, signers: [3, 2, 4])],
        [
            .init(keys: [1, 2, 3, 4, 5], threshold: 3, signers: [1, 3, 5]),
            .init(keys: [1, 2, 3, 4, 5], threshold: 3, signers: [1, 2, 4]),
            .init(keys: [1, 2, 4, 5, 6], threshold: 3, signers: [1, 5, 2]),
        ],
        [
            .init(keys: [1, 2, 3], threshold: 3, signers: [1, 2, 3]),
            .init(keys: [5, 6, 7], threshold: 3, signers: [1, 2, 3, 5, 6, 7]),
            .init(keys: [5, 6, 7], threshold: 3, signers: [5, 6, 7]),
        ],
        [.init(keys: [1, 2], threshold: 2, signers: [1, 2]), .init(keys: [1, 2], threshold: 1, signers: [1, 2])],
        [.init(keys: [2], threshold: 1, signers: [2, 3, 4], isTaken: false)],
        [.init(keys: [2], threshold: 1, signers: [1, 3, 4], isTaken: false)],
        [
            .init(keys: [1, 2, 3, 4, 5], threshold: 3, signers: [1, 3, 5]),
            .init(keys: [1, 2, 4, 5, 6], threshold: 3, signers: [1, 3, 5], isTaken: false),
        ],
        [
            .init(keys: [1, 2, 3, 4, 5], threshold: 3, signers: [1, 3, 5]),
            .init(keys: [1, 2, 4, 5, 6], threshold: 3, signers: [1, 5, 6], isTaken: false),
        ],
        [
            .init(keys: [1, 2, 3], threshold: 2, signers: [1, 2]),
            .init(keys: [1, 2, 3], threshold: 1, signers: [1], isTaken: false),
        ],
        [.init(keys: [1, 2, 3], threshold: 2, signers: [2], isTaken: false)],
    ]

    @Test(arguments: chains.indices) func followsAChainAsFarAsBothThresholdsAreMet(_ number: Int) async throws {
        let scenario = try Scenario()
        let others = (0..<8).map { _ in SigningKey.generate() }
        // Key 1 is the first root's.
        let first = scenario.repository.edit { $0.signers["root"]?.first }
        let keys = others.enumerated().map { position, key in position == 1 ? first ?? key : key }
        let chain = Self.chains[number]
        for version in chain {
            scenario.repository.edit { contents in
                SimulatedRepository.setKeys(
                    of: "root", version.keys.map { keys[$0] }, threshold: version.threshold, in: &contents)
            }
            // The first root's key 1 is what version 2 must be signed by.
            scenario.repository.publishRoot(signedBy: version.signers.map { keys[$0] })
        }
        let error = try await scenario.failure()
        #expect((error == nil) == chain.allSatisfy(\.isTaken), "\(String(describing: error))")
        #expect(try scenario.store.version("root") == 1 + chain.prefix { $0.isTaken }.count)
    }

    @Test func followsExpiredRootsToOneThatIsInForce() async throws {
        let scenario = try Scenario()
        let valid = scenario.repository.edit { $0.root["expires"] }
        scenario.repository.edit { $0.root.set("expires", .string("1999-01-01T00:00:00Z")) }
        scenario.repository.publishRoot()
        scenario.repository.publishRoot()
        scenario.repository.edit { $0.root.set("expires", valid) }
        scenario.repository.publishRoot()
        try await scenario.refresh()
        #expect(try scenario.versions() == [4, 1, 1, 1])
    }

    @Test func followsNoMoreRootsThanItsLimit() async throws {
        let scenario = try Scenario()
        for _ in 0..<5 { scenario.repository.publishRoot() }
        var limits = ClientLimits()
        limits.rootRotations = 3
        try await scenario.refresh(limits: limits)
        #expect(try scenario.store.version("root") == 4)
        try await scenario.refresh(limits: limits)
        #expect(try scenario.store.version("root") == 6)
    }

    @Test func refusesARootThatSkipsAVersionOrRepeatsOne() async throws {
        let scenario = try Scenario()
        scenario.repository.publishRoot()
        scenario.repository.publishRoot()
        let third = scenario.repository.file("3.root.json")
        scenario.repository.edit { $0.replaced["2.root.json"] = third }
        #expect(try await scenario.failure()?.reason == .version(expected: 2, found: 3))
        let first = scenario.repository.firstRoot
        scenario.repository.edit { $0.replaced["2.root.json"] = first }
        #expect(try await scenario.failure()?.isRollback == true)
        #expect(try scenario.store.version("root") == 1)
    }

    @Test(arguments: ["timestamp", "snapshot", "targets"])
    func refusesARevokedKey(role: String) async throws {
        let scenario = try Scenario()
        try await scenario.refresh()
        scenario.repository.edit { contents in
            let old = contents.signers[role]
            SimulatedRepository.setKeys(of: role, [SigningKey.generate()], in: &contents)
            contents.signers[role] = old
        }
        scenario.repository.publishRoot()
        scenario.repository.publish(bumping: ["timestamp", "snapshot", "targets"])
        guard case .signatures? = try await scenario.failure()?.reason else {
            Issue.record("a revoked key was believed")
            return
        }
        #expect(try scenario.store.version(role) == 1)
    }

    @Test(arguments: ["timestamp", "snapshot", "targets"])
    func takesTheRolesNewKey(role: String) async throws {
        let scenario = try Scenario()
        try await scenario.refresh()
        scenario.repository.edit { SimulatedRepository.setKeys(of: role, [SigningKey.generate()], in: &$0) }
        scenario.repository.publishRoot()
        scenario.repository.publish(bumping: ["timestamp", "snapshot", "targets"])
        try await scenario.refresh()
        #expect(try scenario.versions() == [2, 2, 2, 2])
    }

    @Test func recoversFromATimestampThatRanAhead() async throws {
        let scenario = try Scenario()
        scenario.repository.edit { $0.signed["timestamp"]?.set("version", .integer(99_999)) }
        try await scenario.refresh()
        scenario.repository.edit { contents in
            SimulatedRepository.setKeys(of: "timestamp", [SigningKey.generate()], in: &contents)
            contents.signed["timestamp"]?.set("version", .integer(1))
        }
        scenario.repository.publishRoot()
        try await scenario.refresh()
        #expect(try scenario.versions() == [2, 1, 1, 1])
    }

    @Test func recoversFromASnapshotThatRanAhead() async throws {
        let scenario = try Scenario()
        scenario.repository.edit { $0.signed["snapshot"]?.set("version", .integer(99_999)) }
        scenario.repository.publish(bumping: ["timestamp"])
        try await scenario.refresh()
        scenario.repository.edit { contents in
            SimulatedRepository.setKeys(of: "timestamp", [SigningKey.generate()], in: &contents)
            SimulatedRepository.setKeys(of: "snapshot", [SigningKey.generate()], in: &contents)
            contents.signed["snapshot"]?.set("version", .integer(1))
        }
        scenario.repository.publishRoot()
        scenario.repository.publish(bumping: ["timestamp"])
        try await scenario.refresh()
        #expect(try scenario.versions() == [2, 3, 1, 1])
    }

    @Test func recoversFromTargetsThatRanAhead() async throws {
        let scenario = try Scenario()
        scenario.repository.edit { $0.signed["targets"]?.set("version", .integer(99_999)) }
        scenario.repository.publish()
        try await scenario.refresh()
        scenario.repository.edit { contents in
            SimulatedRepository.setKeys(of: "snapshot", [SigningKey.generate()], in: &contents)
            contents.signed["targets"]?.set("version", .integer(2))
        }
        scenario.repository.publishRoot()
        scenario.repository.publish()
        try await scenario.refresh()
        #expect(try scenario.versions() == [2, 3, 3, 2])
    }
}
