import Glibc
import TUF
import Testing

/// The attacks of the specification's section 1.5.2, one after the other, and what is not an attack.
@Suite struct RefreshTests {
    @Test(arguments: [true, false]) func asksForEachFileOnce(isConsistent: Bool) async throws {
        let scenario = try Scenario(isConsistent: isConsistent)
        try await scenario.refresh()
        #expect(
            scenario.repository.requests
                == (isConsistent
                    ? ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]
                    : ["2.root.json", "timestamp.json", "snapshot.json", "targets.json"]))
        #expect(try scenario.versions() == [1, 1, 1, 1])
    }

    @Test func asksForRootAndTimestampOnlyWhenNothingChanged() async throws {
        let scenario = try Scenario()
        try await scenario.refresh()
        scenario.repository.forgetRequests()
        let writes = scenario.store.writes
        try await scenario.refresh()
        #expect(scenario.repository.requests == ["2.root.json", "timestamp.json"])
        #expect(scenario.store.writes == writes)
    }

    @Test func keepsATimestampOfTheSameVersion() async throws {
        let scenario = try Scenario()
        try await scenario.refresh()
        let kept = scenario.store["timestamp"]
        scenario.repository.edit { $0.signed["timestamp"]?.set("meta", "snapshot.json", "version", .integer(100)) }
        try await scenario.refresh()
        #expect(scenario.store["timestamp"] == kept)
    }

    @Test func refusesMetadataThatOthersSigned() async throws {
        for role in ["timestamp", "snapshot", "targets"] {
            let scenario = try Scenario()
            scenario.repository.edit { $0.signers[role] = [SigningKey.generate()] }
            let error = try await scenario.failure()
            guard case .signatures(let count)? = error?.reason else {
                Issue.record("\(role): \(String(describing: error))")
                continue
            }
            #expect(count.valid == 0 && count.threshold == 1)
            #expect(try scenario.store.version(role) == nil)
        }
    }

    @Test func refusesAnOlderTimestamp() async throws {
        let scenario = try Scenario()
        scenario.repository.publish()
        try await scenario.refresh()
        scenario.repository.edit { $0.signed["timestamp"]?.bump(by: -1) }
        #expect(try await scenario.failure()?.isRollback == true)
        #expect(try scenario.versions() == [1, 2, 2, 1])
    }

    @Test(arguments: [false, true]) func refusesANewTimestampWithAnOlderSnapshot(hasHashes: Bool) async throws {
        let scenario = try Scenario(hasHashes: hasHashes)
        scenario.repository.publish()
        try await scenario.refresh()
        scenario.repository.edit { $0.signed["snapshot"]?.bump(by: -1) }
        scenario.repository.publish(bumping: ["timestamp"])
        #expect(try await scenario.failure()?.isRollback == true)
        #expect(scenario.repository.requests.last == "timestamp.json")
        #expect(try scenario.versions() == [1, 2, 2, 1])
    }

    @Test(arguments: [false, true]) func refusesASnapshotWithOlderTargets(hasHashes: Bool) async throws {
        let scenario = try Scenario(hasHashes: hasHashes)
        scenario.repository.publish(bumping: ["targets", "snapshot", "timestamp"])
        try await scenario.refresh()
        scenario.repository.edit { $0.signed["targets"]?.bump(by: -1) }
        scenario.repository.publish()
        #expect(try await scenario.failure()?.isRollback == true)
        #expect(try scenario.versions() == [1, 3, 2, 2])
    }

    @Test func refusesASnapshotFromWhichARoleIsGone() async throws {
        let scenario = try Scenario()
        scenario.repository.delegate("other")
        scenario.repository.publish(bumping: ["targets", "snapshot", "timestamp"])
        try await scenario.refresh()
        scenario.repository.edit { $0.signed["snapshot"]?.set("meta", "other.json", nil) }
        scenario.repository.edit { $0.signed["other"] = nil }
        scenario.repository.publish()
        #expect(try await scenario.failure()?.reason == .notInSnapshot(file: "other.json"))
    }

    @Test func refusesAMixOfSnapshotAndTargetsOfDifferentTimes() async throws {
        let scenario = try Scenario()
        scenario.repository.edit { $0.signed["snapshot"]?.set("meta", "targets.json", "version", .integer(2)) }
        scenario.repository.edit { contents in
            contents.replaced["2.targets.json"] =
                SimulatedRepository.sign(
                    contents.signed["targets"] ?? .null, contents.signers["targets"] ?? []
                ).bytes
        }
        #expect(try await scenario.failure()?.reason == .version(expected: 2, found: 1))
    }

    @Test func refusesASnapshotThatTheTimestampDoesNotName() async throws {
        let scenario = try Scenario()
        let old = scenario.repository.file("1.snapshot.json")
        scenario.repository.publish()
        scenario.repository.edit { $0.replaced["2.snapshot.json"] = old }
        #expect(try await scenario.failure()?.reason == .version(expected: 2, found: 1))
        #expect(try scenario.versions() == [1, 2, nil, nil])
    }

    @Test func refusesOtherBytesThanTheDigestAboveNames() async throws {
        for (role, path) in [("snapshot", "1.snapshot.json"), ("targets", "1.targets.json")] {
            let scenario = try Scenario(hasHashes: true)
            // The same document, spelled differently: signature and version are right.
            var spelled = scenario.repository.file(path)
            spelled[spelled.count - 1] = UInt8(ascii: " ")
            scenario.repository.edit { $0.replaced[path] = spelled }
            #expect(try await scenario.failure()?.reason == .digest(algorithm: "sha256"), "\(role)")
        }
    }

    @Test(arguments: ["root", "timestamp", "snapshot", "targets"])
    func refusesExpiredMetadata(role: String) async throws {
        let scenario = try Scenario()
        let past = JSONValue.string(scenario.repository.now.description)
        if role == "root" {
            scenario.repository.edit { $0.root.set("expires", past) }
            scenario.repository.publishRoot()
        } else {
            scenario.repository.edit { $0.signed[role]?.set("expires", past) }
        }
        let error = try await scenario.failure()
        #expect(error?.expiredRole == role)
        if role != "root" { #expect(try scenario.store.version(role) == nil) }
    }

    @Test func noticesAServerThatHoldsBackUpdates() async throws {
        let scenario = try Scenario()
        try await scenario.refresh()
        try await scenario.refresh(after: 86_399)
        #expect(try await scenario.failure(after: 86_400)?.expiredRole == "timestamp")
        #expect(try scenario.versions() == [1, 1, 1, 1])
    }

    @Test func goesOnFromExpiredKeptMetadata() async throws {
        let scenario = try Scenario()
        try await scenario.refresh()
        scenario.repository.edit { contents in
            let later = JSONValue.string(contents.now.adding(seconds: 19 * 86_400).description)
            for role in ["timestamp", "snapshot"] { contents.signed[role]?.set("expires", later) }
        }
        scenario.repository.publish()
        try await scenario.refresh(after: 10 * 86_400)
        #expect(try scenario.versions() == [1, 2, 2, 1])
    }

    @Test func guardsAgainstRollbackWithExpiredKeptMetadataToo() async throws {
        let scenario = try Scenario()
        scenario.repository.publish()
        try await scenario.refresh()
        scenario.repository.edit { contents in
            contents.signed["timestamp"]?.set("version", .integer(1))
            contents.signed["timestamp"]?.set(
                "expires", .string(contents.now.adding(seconds: 19 * 86_400).description))
        }
        #expect(try await scenario.failure(after: 2 * 86_400)?.isRollback == true)
    }

    @Test func aClockThatGoesBackMakesNothingOlderTrusted() async throws {
        let scenario = try Scenario()
        scenario.repository.publish()
        try await scenario.refresh()
        scenario.repository.edit { $0.signed["timestamp"]?.bump(by: -1) }
        #expect(try await scenario.failure(after: -365 * 86_400)?.isRollback == true)
        scenario.repository.edit { $0.signed["timestamp"]?.bump() }
        try await scenario.refresh(after: -365 * 86_400)
        #expect(try scenario.versions() == [1, 2, 2, 1])
    }

    @Test func breaksOffEndlessData() async throws {
        for path in ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"] {
            let scenario = try Scenario()
            var limits = ClientLimits()
            limits.rootLength = 8192
            limits.timestampLength = 8192
            limits.snapshotLength = 8192
            limits.targetsLength = 8192
            scenario.repository.edit { $0.replaced[path] = [UInt8](repeating: 0x20, count: 8193) }
            #expect(try await scenario.failure(limits: limits)?.reason == .tooLong(limit: 8192), "\(path)")
        }
    }

    @Test func readsNoMoreThanTheLengthAboveNames() async throws {
        let scenario = try Scenario(hasHashes: true)
        let right = scenario.repository.file("1.snapshot.json")
        scenario.repository.edit { $0.replaced["1.snapshot.json"] = right + [0x20] }
        #expect(try await scenario.failure()?.reason == .tooLong(limit: right.count))
        scenario.repository.edit { $0.replaced["1.snapshot.json"] = Array(right.dropLast()) }
        #expect(
            try await scenario.failure()?.reason == .length(expected: right.count, found: right.count - 1))
    }

    @Test(arguments: ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"])
    func saysWhatCouldNotBeReached(path: String) async throws {
        let scenario = try Scenario()
        scenario.repository.edit { $0.failing = [path] }
        guard case .unreachable(let file, let cause)? = try await scenario.failure() else {
            Issue.record("not unreachable")
            return
        }
        #expect(file == path && cause is Unplugged)
    }

    @Test func saysWhatIsMissing() async throws {
        let scenario = try Scenario()
        scenario.repository.edit { $0.signed["timestamp"] = nil }
        guard case .notFound("timestamp.json")? = try await scenario.failure() else {
            Issue.record("not missing")
            return
        }
    }

    @Test func makesNoRequestForAFirstRootThatIsNotSigned() throws {
        let repository = try SimulatedRepository()
        let unsigned = SimulatedRepository.sign(repository.edit { $0.root }, [SigningKey.generate()]).bytes
        #expect(throws: TUFError.self) {
            try TUFClient(
                store: InMemoryMetadataStore(), trustedRoot: unsigned, metadata: repository, targets: repository)
        }
        #expect(throws: TUFError.self) { try TUFClient.initialize(InMemoryMetadataStore(), root: unsigned) }
        #expect(repository.requests.isEmpty)
    }

    @Test func needsARootToStartFrom() throws {
        let repository = try SimulatedRepository()
        #expect(throws: TUFError.self) {
            try TUFClient(store: InMemoryMetadataStore(), metadata: repository, targets: repository)
        }
    }

    @Test func keepsFieldsThatItDoesNotKnow() async throws {
        let scenario = try Scenario()
        scenario.repository.edit { contents in
            contents.root.set("custom-field", .string("ä\"\\\n"))
            contents.root.set("roles", "root", "another", .object(["a": .integer(-1), "b": .null]))
            contents.signed["targets"]?.set("x", .array([.bool(true), .object(NameTable())]))
        }
        scenario.repository.publishRoot()
        try await scenario.refresh()
        #expect(try scenario.versions() == [2, 1, 1, 1])
    }

    @Test func startsFromTheUsersRootWhenTheKeptOneIsSpoiled() async throws {
        let scenario = try Scenario()
        try await scenario.refresh()
        scenario.store["root"] = []
        try await scenario.refresh()
        #expect(try scenario.versions() == [1, 1, 1, 1])
    }
}
