import Glibc
import Linux
import Synchronization
import TUF
import TestSupport
import Testing

/// The publisher's side, read by our own client.
@Suite struct RepositoryTests {
    private static func isThere(_ path: String) -> Bool { access(path, F_OK) == 0 }

    private static func names(_ path: String) throws -> [String] { try Folder(path: path).names().sorted() }

    @Test func writesTheDocumentedTree() async throws {
        let publisher = try PublisherFixture()
        try publisher.create()
        let index = try publisher.repository.store([1, 2], as: "debian/2026-11-16.caibx")
        try publisher.repository.update(adding: [index], signers: publisher.all)
        let metadata = "\(publisher.path)/metadata"
        #expect(
            try Self.names(metadata) == [
                "1.root.json", "1.snapshot.json", "1.targets.json", "2.snapshot.json", "2.targets.json",
                "timestamp.json",
            ])
        #expect(
            try Self.names("\(publisher.path)/targets/debian") == ["\(index.sha256 ?? "").2026-11-16.caibx"])
        #expect(try Self.names(publisher.path) == ["metadata", "targets"])
        var status = stat()
        #expect(stat(metadata, &status) == 0 && status.st_mode & 0o777 == 0o755)
        #expect(stat("\(metadata)/timestamp.json", &status) == 0 && status.st_mode & 0o777 == 0o644)
        let client = try await publisher.client()
        let target = try #require(try await client.target("debian/2026-11-16.caibx"))
        #expect(try await client.download(target) == [1, 2])
    }

    @Test func whatClientsWouldRefuseIsNotSigned() throws {
        let publisher = try PublisherFixture()
        try publisher.create()
        let before = try Self.names("\(publisher.path)/metadata")
        var repository = publisher.repository
        let longest = try FileContents.read("\(publisher.path)/metadata/1.targets.json", limit: 99_999).count
        repository.limits.targetsLength = longest
        let target = try repository.store([1, 2], as: "a")
        var error = #expect(throws: RepositoryError.self) {
            try repository.update(adding: [target], signers: publisher.all)
        }
        guard case .tooLong("targets", _, longest) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        repository = publisher.repository
        repository.limits.timestampLength = 100
        error = #expect(throws: RepositoryError.self) { try repository.renew(signers: publisher.all) }
        guard case .tooLong("timestamp", _, 100) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try Self.names("\(publisher.path)/metadata") == before)
        #expect(ClientLimits().targetsLength == publisher.repository.limits.targetsLength)
    }

    @Test func isNotMadeTwice() throws {
        let publisher = try PublisherFixture()
        #expect(throws: RepositoryError.self) { try publisher.repository.state() }
        try publisher.create()
        #expect(throws: RepositoryError.self) { try publisher.create() }
    }

    @Test func refusesThresholdsThatNobodyCanReach() throws {
        let publisher = try PublisherFixture()
        let key = SigningKey.generate().publicKey
        var roles: [TopLevelRole: RoleMembers] = [:]
        for role in TopLevelRole.allCases { roles[role] = RoleMembers([key]) }
        roles[.root] = RoleMembers([key, key], threshold: 2)
        #expect(throws: RepositoryError.self) { try publisher.repository.create(roles: roles, signers: publisher.all) }
        roles[.root] = RoleMembers([key], threshold: 0)
        #expect(throws: RepositoryError.self) { try publisher.repository.create(roles: roles, signers: publisher.all) }
        #expect(!Self.isThere("\(publisher.path)/metadata/1.root.json"))
    }

    @Test func waitsForSignaturesOfKeysThatAreElsewhere() async throws {
        let publisher = try PublisherFixture()
        let people = [SigningKey.generate(), SigningKey.generate(), SigningKey.generate()]
        var roles: [TopLevelRole: RoleMembers] = [:]
        for role in TopLevelRole.allCases { roles[role] = RoleMembers([publisher.key(role).publicKey]) }
        roles[.targets] = RoleMembers(people.map(\.publicKey), threshold: 2)
        let repository = publisher.repository
        let online = publisher.all
        #expect(try !repository.create(roles: roles, signers: online + [people[0]]).isPublished)
        #expect(!Self.isThere("\(publisher.path)/metadata/timestamp.json"))
        #expect(try repository.resume(signers: online + [people[2]]).isPublished)
        #expect(!Self.isThere("\(publisher.path)/drafts"))

        let target = try repository.store([5], as: "x")
        guard case .waiting(let missing) = try repository.update(adding: [target], signers: online) else {
            Issue.record("published without the targets keys")
            return
        }
        #expect(missing.map(\.role) == ["targets"] && missing[0].count.threshold == 2)
        #expect(try await publisher.client().target("x") == nil)
        #expect(throws: RepositoryError.self) { try repository.update(removing: ["x"], signers: online) }
        // The draft goes to the people on a stick.
        var draft = try #require(try repository.drafts()["targets"])
        let state = try repository.state()
        for person in people.prefix(2) {
            draft = try draft.signed(by: [person], for: state.root.keys(of: .targets), among: state.root.keys)
        }
        try repository.addSignatures(from: draft, role: "targets")
        #expect(try repository.resume(signers: online).isPublished)
        #expect(try await publisher.client().target("x") != nil)
    }

    @Test func keepsWhatPeopleSignedWhenAnOnlineKeyIsMissing() async throws {
        let publisher = try PublisherFixture()
        try publisher.create()
        let target = try publisher.repository.store([5], as: "x")
        let result = try publisher.repository.update(adding: [target], signers: [publisher.key(.targets)])
        #expect(!result.isPublished)
        #expect(try await publisher.client().target("x") == nil)
        #expect(throws: RepositoryError.self) { try publisher.repository.renew(signers: [publisher.key(.targets)]) }
        #expect(try publisher.repository.resume(signers: publisher.online).isPublished)
        #expect(try await publisher.client().target("x") != nil)
    }

    @Test func discardsWhatWaits() throws {
        let publisher = try PublisherFixture()
        try publisher.create()
        let target = try publisher.repository.store([5], as: "x")
        #expect(try !publisher.repository.update(adding: [target], signers: publisher.online).isPublished)
        try publisher.repository.discardDrafts()
        #expect(try publisher.repository.drafts().entries.isEmpty)
        #expect(try publisher.repository.update(adding: [target], signers: publisher.all).isPublished)
    }

    @Test func replacesEachKeyWithoutLosingReaders() async throws {
        let publisher = try PublisherFixture()
        try publisher.create()
        let store = InMemoryMetadataStore()
        try await publisher.client(store: store).refresh()
        for role in TopLevelRole.allCases {
            let key = SigningKey.generate()
            try publisher.repository.changeKeys(signers: publisher.all + [key]) { roles in
                roles[role]?.replace(publisher.key(role).publicKey, with: key.publicKey)
            }
            publisher.replaceKey(of: role, with: key)
            try await publisher.client(store: store).refresh()
            try await publisher.client().refresh()
        }
        #expect(try store.version("root") == 5)
    }

    @Test func needsOldAndNewRootKeysForANewRoot() throws {
        let publisher = try PublisherFixture()
        try publisher.create()
        let key = SigningKey.generate()
        let old = publisher.key(.root)
        func change(_ signers: [any Signer]) throws -> PublishResult {
            try publisher.repository.changeKeys(signers: signers) { roles in
                roles[.root]?.replace(old.publicKey, with: key.publicKey)
            }
        }
        #expect(try !change([old]).isPublished)
        try publisher.repository.discardDrafts()
        #expect(try !change([key]).isPublished)
        #expect(try publisher.repository.resume(signers: [old]).isPublished)
        #expect(try publisher.repository.state().root.header.version == 2)
        // Nothing below changed.
        #expect(try publisher.repository.state().timestamp.header.version == 1)
    }

    @Test func renewsTimestampAndInTimeTheSnapshot() async throws {
        let clock = Mutex(UTCTime.now())
        let now = { @Sendable in clock.withLock { $0 } }
        let publisher = try PublisherFixture(now: now)
        try publisher.create()
        for day in 1...40 {
            clock.withLock { $0 = $0.adding(seconds: 86_400) }
            let expires = try publisher.repository.renew(signers: publisher.online)
            #expect(expires == now().adding(seconds: 7 * 86_400))
            if day % 10 == 0 { try await publisher.client(now: now).refresh() }
        }
        let state = try publisher.repository.state()
        #expect(state.timestamp.header.version == 41)
        #expect((2...4).contains(state.snapshot.header.version))
        clock.withLock { $0 = $0.adding(seconds: 8 * 86_400) }
        await #expect(throws: TUFError.self) { try await publisher.client(now: now).refresh() }
    }

    @Test func letsADelegateSignItsOwnNamesOnly() async throws {
        let publisher = try PublisherFixture()
        try publisher.create()
        let key = SigningKey.generate()
        try publisher.repository.delegate(
            "debian", to: RoleMembers([key.publicKey]), paths: ["debian/*"], signers: publisher.all + [key])
        let good = try publisher.repository.store([1], as: "debian/x")
        let bad = try publisher.repository.store([2], as: "ubuntu/x")
        let signers = publisher.online + [key]
        try publisher.repository.update(role: "debian", adding: [good, bad], signers: signers)
        #expect(try await publisher.client().target("debian/x") != nil)
        #expect(try await publisher.client().target("ubuntu/x") == nil)
        #expect(throws: RepositoryError.self) {
            try publisher.repository.delegate("debian", to: RoleMembers([key.publicKey]), paths: [], signers: signers)
        }
        for name in ["a/b", "..", ".x", "ä", ""] {
            #expect(throws: RepositoryError.self) {
                try publisher.repository.delegate(name, to: RoleMembers([key.publicKey]), paths: [], signers: signers)
            }
        }
        #expect(throws: RepositoryError.self) {
            try publisher.repository.update(role: "fedora", adding: [good], signers: signers)
        }
    }

    @Test func storesNoTargetUnderADangerousName() throws {
        let publisher = try PublisherFixture()
        try publisher.create()
        for name in ["../x", "/x", "a/../x", "a%2f..%2fx", "a\\x"] {
            #expect(throws: RepositoryError.self) { try publisher.repository.store([1], as: name) }
        }
    }

    @Test func refusesTwoWritersAtOnce() throws {
        let publisher = try PublisherFixture()
        try publisher.create()
        let tree = try FileHandle(path: publisher.path, flags: O_RDONLY | O_DIRECTORY)
        #expect(try tree.lock(exclusive: true, wait: false))
        do {
            try publisher.repository.renew(signers: publisher.online)
            Issue.record("two wrote at once")
        } catch {
            guard case .busy = error else { throw error }
        }
    }

    /// Thirty thousand targets: a publisher's and a reader's work must not grow with their square.
    @Test func holdsManyTargets() async throws {
        let publisher = try PublisherFixture()
        try publisher.create()
        let identity = FileIdentity(of: [1])
        let many = (0..<30_000).map { TargetFile(name: "debian/\($0).caibx", identity: identity) }
        try publisher.repository.update(adding: many, signers: publisher.all)
        try publisher.repository.update(removing: many.prefix(10_000).map(\.name), signers: publisher.all)
        let client = try await publisher.client()
        #expect(try await client.target("debian/9999.caibx") == nil)
        #expect(try await client.target("debian/29999.caibx") != nil)
        #expect(try publisher.repository.state().targets().targets.entries.count == 20_000)
    }
}
