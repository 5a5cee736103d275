import Formats
import TUF
import Testing

@Suite struct DelegationTests {
    /// Which roles a search asks for, when nobody knows the target.
    private static func visited(_ scenario: Scenario, _ target: String, limits: ClientLimits = .init()) async throws
        -> [String]
    {
        let client = try scenario.client(limits: limits)
        try await client.refresh()
        scenario.repository.forgetRequests()
        #expect(try await client.target(target) == nil)
        return scenario.repository.requests.map { String($0.dropFirst(2).dropLast(5)) }
    }

    private static func scenario(_ delegations: [(from: String, to: String, paths: [String], ends: Bool)]) throws
        -> Scenario
    {
        let scenario = try Scenario()
        var keys: [String: [SigningKey]] = [:]
        for (from, to, paths, ends) in delegations {
            let own = keys[to] ?? [SigningKey.generate()]
            keys[to] = own
            scenario.repository.delegate(to, from: from, paths: paths, isTerminating: ends, keys: own)
        }
        scenario.repository.publish()
        return scenario
    }

    @Test func searchesInPreorderDepthFirst() async throws {
        let scenario = try Self.scenario([
            ("targets", "A", ["*"], false), ("targets", "B", ["*"], false), ("A", "C", ["*"], false),
            ("A", "D", ["*"], false), ("D", "E", ["*"], false),
        ])
        #expect(try await Self.visited(scenario, "x") == ["A", "C", "D", "E", "B"])
    }

    @Test func endsAtATerminatingRole() async throws {
        let scenario = try Self.scenario([
            ("targets", "A", ["*"], false), ("targets", "B", ["*"], false), ("A", "C", ["*"], true),
            ("A", "D", ["*"], false),
        ])
        #expect(try await Self.visited(scenario, "x") == ["A", "C"])
    }

    @Test func asksOnlyRolesThatMayNameTheTarget() async throws {
        let scenario = try Self.scenario([
            ("targets", "A", ["a/*"], true), ("targets", "B", ["b/*"], true), ("B", "C", ["*/x"], false),
            ("targets", "D", ["b/*"], false),
        ])
        #expect(try await Self.visited(scenario, "b/x") == ["B", "C"])
    }

    @Test func survivesACircle() async throws {
        let scenario = try Self.scenario([
            ("targets", "A", ["*"], false), ("A", "B", ["*"], false), ("B", "A", ["*"], false),
            ("B", "B", ["*"], false),
        ])
        #expect(try await Self.visited(scenario, "x") == ["A", "B"])
    }

    @Test func looksIntoALimitedNumberOfRoles() async throws {
        let scenario = try Self.scenario((0..<6).map { ("targets", "\($0)", ["*"], false) })
        var limits = ClientLimits()
        limits.delegations = 4
        #expect(try await Self.visited(scenario, "x", limits: limits) == ["0", "1", "2", "3"])
    }

    /// A repository whose targets delegate to many roles at once.
    private static func manyRoles(_ roles: Int, paths: (Int) -> [String]) throws -> Scenario {
        let scenario = try Scenario()
        let key = SigningKey.generate()
        let entries = (0..<roles).map { number -> JSONValue in
            .object([
                "name": .string("r\(number)"), "keyids": .array([.string(key.publicKey.keyID)]),
                "threshold": .integer(1), "terminating": .bool(false),
                "paths": .array(paths(number).map { .string($0) }),
            ])
        }
        scenario.repository.edit { contents in
            contents.signed["targets"]?.set("delegations", "keys", key.publicKey.keyID, key.publicKey.json)
            contents.signed["targets"]?.set("delegations", "roles", .array(entries))
        }
        scenario.repository.publish()
        return scenario
    }

    @Test func aThousandNamesAmongAThousandRolesAreLookedUpAndNotCompared() async throws {
        let scenario = try Self.manyRoles(1000) { ["zz*\($0)*/*", "other\($0)/*", "*/*/\($0)"] + ["z*\($0)/*"] }
        var limits = ClientLimits()
        // Each with each would be four millions.
        limits.searchSteps.all = 2_000_000
        let client = try scenario.client(limits: limits)
        for number in 0..<1000 { #expect(try await client.target("d\(number)/distribution.json") == nil) }
    }

    @Test func patternsThatTakeForEverToCompareAreRefused() async throws {
        let scenario = try Self.manyRoles(1000) { [String(repeating: "*a", count: 30) + "b\($0)/*"] }
        var limits = ClientLimits()
        limits.searchSteps.one = 100_000
        let client = try scenario.client(limits: limits)
        let name = String(repeating: "a", count: 64)
        let error = await #expect(throws: TUFError.self) { try await client.target("\(name)/x") }
        #expect(error?.reason == .endlessDelegations)
        // And so are many that take long together.
        limits.searchSteps = (one: 1_000_000_000, all: 100_000)
        let other = try scenario.client(limits: limits)
        await #expect(throws: TUFError.self) { for _ in 0..<10 { _ = try await other.target("\(name)/x") } }
    }

    @Test func allSearchesTogetherLoadALimitedNumberOfRoles() async throws {
        let scenario = try Self.scenario((0..<6).map { ("targets", "\($0)", ["d\($0)/*"], true) })
        var limits = ClientLimits()
        limits.delegatedFiles = 4
        let client = try scenario.client(limits: limits)
        for number in 0..<4 { #expect(try await client.target("d\(number)/x") == nil) }
        // What is loaded already costs nothing.
        #expect(try await client.target("d0/y") == nil)
        let error = await #expect(throws: TUFError.self) { try await client.target("d4/x") }
        #expect(error?.reason == .endlessDelegations)
    }

    @Test func elevenHundredNamesMayHaveARoleEach() async throws {
        let scenario = try Scenario()
        let key = SigningKey.generate()
        let names = (0..<1100).map { "d\($0)" }
        let file = SimulatedRepository.sign(SimulatedRepository.targetsRole(scenario.repository.now), [key]).bytes
        scenario.repository.edit { contents in
            let roles = names.map { name -> JSONValue in
                .object([
                    "name": .string(name), "keyids": .array([.string(key.publicKey.keyID)]), "threshold": .integer(1),
                    "terminating": .bool(true), "paths": .array([.string("\(name)/*")]),
                ])
            }
            contents.signed["targets"]?.set("delegations", "keys", key.publicKey.keyID, key.publicKey.json)
            contents.signed["targets"]?.set("delegations", "roles", .array(roles))
            for name in names {
                contents.signed["snapshot"]?.set("meta", "\(name).json", .object(["version": .integer(1)]))
                contents.replaced["1.\(name).json"] = file
            }
        }
        scenario.repository.publish()
        let client = try scenario.client()
        for name in names { #expect(try await client.target("\(name)/distribution.json") == nil) }
        #expect(scenario.repository.requests.filter { $0.hasPrefix("1.d") }.count == 1100)
        // As many as a catalog may name.
        #expect(ClientLimits().delegatedFiles > 10_000)
    }

    @Test func aSearchEndsWithItsTask() async throws {
        let client = try Self.scenario([("targets", "A", ["*"], false)]).client()
        try await client.refresh()
        let search = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await client.target("x")
        }
        let error = await #expect(throws: TUFError.self) { try await search.value }
        guard case .cancelled = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func aRoleHasALimitedNumberOfKeysAndPatterns() async throws {
        for (paths, part) in [
            ([String](repeating: "a/*", count: 4097), "paths is longer than 4096"),
            ([String(repeating: "a", count: 2049)], "paths is longer than 2048"),
        ] {
            let error = try #require(try await Self.manyRoles(1) { _ in paths }.failure())
            #expect("\(error)".contains(part), "\(error)")
        }
        let scenario = try Scenario()
        scenario.repository.edit { contents in
            let ids = (0..<257).map { JSONValue.string("\($0)") }
            contents.root.set("roles", "targets", .object(["keyids": .array(ids), "threshold": .integer(1)]))
        }
        scenario.repository.publishRoot()
        let error = try #require(try await scenario.failure())
        #expect("\(error)".contains("keyids is longer than 256"), "\(error)")
    }

    @Test func moreRolesThanAnybodyHasAreRefused() async throws {
        let scenario = try Self.manyRoles(32_769) { _ in ["a/*"] }
        let error = try #require(try await scenario.failure())
        #expect("\(error)".contains("signed.delegations.roles is longer than 32768"), "\(error)")
    }

    @Test func believesTheFirstRoleThatKnowsTheTarget() async throws {
        let scenario = try Self.scenario([("targets", "A", ["*"], false), ("targets", "B", ["*"], false)])
        scenario.repository.addTarget("x", [2], to: "B")
        scenario.repository.addTarget("x", [1], to: "A")
        scenario.repository.addTarget("y", [3], to: "B")
        scenario.repository.publish()
        let client = try scenario.client()
        #expect(try await client.target("x")?.sha256 == FileIdentity(of: [1]).sha256)
        #expect(try await client.target("y")?.sha256 == FileIdentity(of: [3]).sha256)
    }

    @Test func believesNoTargetOutsideOfARolesPaths() async throws {
        let scenario = try Self.scenario([("targets", "debian", ["debian/*"], true)])
        scenario.repository.addTarget("ubuntu/x", [1], to: "debian")
        scenario.repository.addTarget("debian/sub/x", [1], to: "debian")
        scenario.repository.addTarget("debian/x", [1], to: "debian")
        scenario.repository.publish()
        let client = try scenario.client()
        #expect(try await client.target("ubuntu/x") == nil)
        #expect(try await client.target("debian/sub/x") == nil)
        #expect(try await client.target("debian/x") != nil)
    }

    @Test(arguments: [true, false]) func needsTheDelegatedKeys(isThreshold: Bool) async throws {
        let scenario = try Scenario()
        let keys = [SigningKey.generate(), SigningKey.generate()]
        scenario.repository.delegate("A", threshold: 2, keys: keys)
        let signers = isThreshold ? [keys[0]] : [SigningKey.generate(), SigningKey.generate()]
        scenario.repository.edit { $0.signers["A"] = signers }
        scenario.repository.publish(bumping: ["targets", "snapshot", "timestamp"])
        let client = try scenario.client()
        try await client.refresh()
        do {
            _ = try await client.target("x")
            Issue.record("it was believed")
        } catch {
            guard case .signatures(let count)? = error.reason else { throw error }
            #expect(count.valid == (isThreshold ? 1 : 0) && count.threshold == 2)
        }
        #expect(scenario.store["A"] == nil)
    }

    @Test func verifiesARoleAgainByEachOneThatDelegatesToIt() async throws {
        let scenario = try Scenario()
        scenario.repository.delegate("A", paths: ["a"])
        scenario.repository.delegate("B", paths: ["b"])
        let good = scenario.repository.delegate("C", from: "A")
        scenario.repository.delegate("C", from: "B", keys: [SigningKey.generate()])
        scenario.repository.edit { $0.signers["C"] = good }
        scenario.repository.publish()
        let client = try scenario.client()
        #expect(try await client.target("a") == nil)
        await #expect(throws: TUFError.self) { try await client.target("b") }
    }

    @Test func refusesADelegatedRoleThatExpired() async throws {
        let scenario = try Self.scenario([("targets", "A", ["*"], false)])
        scenario.repository.addTarget("x", [1], to: "A")
        scenario.repository.edit { contents in
            contents.signed["A"]?.set("expires", .string(contents.now.adding(seconds: 3600).description))
        }
        scenario.repository.publish()
        #expect(try await scenario.client().target("x") != nil)
        let late = try scenario.client(after: 3600)
        do {
            _ = try await late.target("x")
            Issue.record("it was believed")
        } catch {
            #expect(error.expiredRole == "A")
        }
    }

    @Test(arguments: ["?", "#", "/delegatedrole", "../delegatedrole", "a/b", "ö", ".", ".."])
    func asksForUnusualRoleNamesEncoded(_ name: String) async throws {
        let scenario = try Self.scenario([("targets", name, ["*"], false)])
        let client = try scenario.client()
        #expect(try await client.target("x") == nil)
        #expect(scenario.repository.requests.last == "1.\(PercentEncoding.fileName(of: name)).json")
        #expect(!PercentEncoding.fileName(of: name).contains("/"))
        #expect(scenario.store[name] != nil)
    }

    @Test(arguments: ["", "root", "timestamp", "snapshot", "targets"])
    func refusesDelegatedRolesWithNamesThatAreTaken(_ name: String) async throws {
        let scenario = try Scenario()
        scenario.repository.edit { contents in
            contents.signed["targets"]?.set(
                "delegations",
                .object([
                    "keys": .object(NameTable()),
                    "roles": .array([
                        .object([
                            "name": .string(name), "keyids": .array([]), "threshold": .integer(1),
                            "terminating": .bool(false), "paths": .array([]),
                        ])
                    ]),
                ]))
        }
        guard case .malformed? = try await scenario.failure()?.reason else {
            Issue.record("it was believed")
            return
        }
    }

    @Test func choosesRolesByTheDigestOfTheName() async throws {
        // SHA-256 of "x" begins with 2d7116, of "y" with a1fce4.
        let scenario = try Scenario()
        scenario.repository.delegate("A", prefixes: ["2d71", "ff"])
        scenario.repository.delegate("B", prefixes: ["a"])
        scenario.repository.publish()
        #expect(try await Self.visited(scenario, "x") == ["A"])
        #expect(try await Self.visited(scenario, "y") == ["B"])
    }

    @Test(arguments: [(1, "bin-0"), (5, "bin-05"), (8, "bin-2d"), (32, "bin-2d711642")])
    func choosesSuccinctRolesByTheDigestOfTheName(bits: Int, role: String) async throws {
        let scenario = try Scenario()
        let key = SigningKey.generate()
        scenario.repository.edit { contents in
            contents.signed["targets"]?.set(
                "delegations",
                .object([
                    "keys": .object([:]),
                    "succinct_roles": .object([
                        "keyids": .array([.string(key.publicKey.keyID)]), "threshold": .integer(1),
                        "bit_length": .integer(bits), "name_prefix": .string("bin"),
                    ]),
                ]))
            contents.signed["targets"]?.set("delegations", "keys", key.publicKey.keyID, key.publicKey.json)
            contents.signed[role] = SimulatedRepository.targetsRole(contents.now)
            contents.signers[role] = [key]
        }
        scenario.repository.addTarget("x", [7], to: role)
        scenario.repository.publish()
        #expect(try await scenario.client().target("x")?.length == 1)
    }

    @Test(arguments: [
        ("*", "x", true), ("*", "a/x", false), ("a/*", "a/x", true), ("a/*", "a/b/x", false), ("a/*", "a/", true),
        ("*/*", "a/x", true), ("*.tgz", "x.tgz", true), ("*.tgz", "x.tgz2", false), ("a?c", "abc", true),
        ("a?c", "a/c", false), ("a?c", "aéc", true), ("[ab]x", "bx", true), ("[!ab]x", "bx", false),
        ("[a-c]x", "bx", true), ("[]]x", "]x", true), ("[ab", "[ab", true), ("[a-]x", "-x", true),
        ("[c-a]", "b", false),
        ("a*b*c", "aXbYbZc", true), ("a*b*c", "aXbYbZ", false), ("", "", true), ("", "x", false), ("x", "X", false),
        ("**", "x", true), ("*a*a*a*a*a*b", String(repeating: "a", count: 4000), false),
    ])
    func matchesPatternsAsAShellDoes(pattern: String, name: String, isMatch: Bool) async throws {
        let scenario = try Self.scenario([("targets", "A", [pattern], false)])
        #expect(try await Self.visited(scenario, name) == (isMatch ? ["A"] : []))
    }
}
