import Glibc
import Linux
import Synchronization
import TUF
import TestSupport
import Testing

/// The kept state: killed at any write, no room, not writable, and what it says without a network.
@Suite struct StateTests {
    /// A repository of which everything changed since the client's last refresh.
    private static func changed() async throws -> Scenario {
        let scenario = try Scenario(hasHashes: true)
        scenario.repository.addTarget("x", [1])
        scenario.repository.publish(bumping: ["targets", "snapshot", "timestamp"])
        try await scenario.refresh()
        scenario.repository.publishRoot()
        scenario.repository.publishRoot()
        scenario.repository.addTarget("x", [2])
        scenario.repository.publish(bumping: ["targets", "snapshot", "timestamp"])
        return scenario
    }

    @Test(arguments: 1...5, [true, false]) func goesOnAfterAnEndAtAnyWrite(write: Int, isDone: Bool) async throws {
        let scenario = try await Self.changed()
        scenario.store.fail(atWrite: write, isDone: isDone)
        guard case .state(let error)? = try await scenario.failure() else {
            Issue.record("the failing write was not told")
            return
        }
        #expect(error.code == ENOSPC)
        scenario.store.recover()

        let offline = try TrustedState.load(from: scenario.store, time: scenario.repository.now)
        let hasNew = write == 5 && isDone
        #expect(try offline.target("x")?.sha256 == FileIdentity(of: hasNew ? [2] : [1]).sha256)

        try await scenario.refresh()
        #expect(try scenario.versions() == [3, 3, 3, 3])
        #expect(try await scenario.client().target("x")?.sha256 == FileIdentity(of: [2]).sha256)
    }

    @Test(arguments: 1...5) func guardsAgainstRollbackAfterAnEndAtAnyWrite(write: Int) async throws {
        let scenario = try await Self.changed()
        let old = scenario.repository.edit { $0.signed }
        scenario.repository.publish(bumping: ["targets", "snapshot", "timestamp"])
        scenario.store.fail(atWrite: write, isDone: true)
        _ = try await scenario.failure()
        scenario.store.recover()
        scenario.repository.edit { $0.signed = old }
        // Roots first: the third write is the new timestamp.
        #expect(try await scenario.failure()?.isRollback == (write >= 3 ? true : nil))
    }

    @Test(arguments: ["root", "timestamp", "snapshot", "targets"])
    func survivesASpoiledFile(role: String) async throws {
        for bytes in [[], [0, 1, 2], Array("{}".utf8)] as [[UInt8]] {
            let scenario = try Scenario()
            try await scenario.refresh()
            scenario.store[role] = bytes
            try await scenario.refresh()
            #expect(try scenario.versions() == [1, 1, 1, 1])
        }
    }

    /// A server that gives what was right a week ago: the kept timestamp would have told, but a power cut emptied it.
    @Test(arguments: [[], [0, 1, 2], Array("{}".utf8), nil] as [[UInt8]?], [true, false])
    func aSpoiledTimestampLetsNothingOlderIn(bytes: [UInt8]?, isRootToo: Bool) async throws {
        let scenario = try await Self.changed()
        let (old, roots) = scenario.repository.edit { ($0.signed, $0.roots) }
        scenario.repository.publish(bumping: ["targets", "snapshot", "timestamp"])
        try await scenario.refresh()
        #expect(try scenario.versions() == [3, 4, 4, 4])
        let (new, seen) = (scenario.repository.edit { $0.signed }, SeenVersions(root: 3, timestamp: 4))
        scenario.store[isRootToo ? "root" : "timestamp"] = bytes
        if !isRootToo { scenario.store["snapshot"] = bytes }
        scenario.repository.edit { contents in
            contents.signed = old
            if isRootToo { contents.roots = Array(roots.prefix(2)) }
        }
        let now = scenario.repository.now
        func refresh() async throws {
            try await TUFClient(
                store: scenario.store, trustedRoot: scenario.repository.firstRoot, metadata: scenario.repository,
                targets: scenario.repository, seen: seen, now: { now }
            ).refresh()
        }
        // The second try must not build on what the first one left.
        for _ in 0..<2 {
            let error = await #expect(throws: TUFError.self) { try await refresh() }
            #expect(error?.isRollback == true)
        }
        scenario.repository.edit { ($0.signed, $0.roots) = (new, roots) }
        try await refresh()
        #expect(try scenario.versions() == [3, 4, 4, 4])
    }

    @Test func keepsFilesUnderNamesWithoutVersions() async throws {
        let folder = try TemporaryDirectory()
        let repository = try SimulatedRepository()
        repository.delegate("a/b")
        repository.publish()
        let now = repository.now
        let store = DirectoryMetadataStore(path: "\(folder.path)/new/state")
        let client = try TUFClient(
            store: store, trustedRoot: repository.firstRoot, metadata: repository, targets: repository, now: { now })
        #expect(try await client.target("x") == nil)
        let names = try Folder(path: store.path).names().sorted()
        #expect(names == ["a%2Fb.json", "root.json", "snapshot.json", "targets.json", "timestamp.json"])
        // The next one needs no root from the user.
        try await TUFClient(store: store, metadata: repository, targets: repository, now: { now }).refresh()
    }

    @Test func worksInAReadOnlyFolderWhileNothingIsNew() async throws {
        let folder = try TemporaryDirectory()
        let repository = try SimulatedRepository()
        let now = repository.now
        let store = ReadOnlyStore(base: DirectoryMetadataStore(path: folder.path))
        try TUFClient.initialize(store.base, root: repository.firstRoot)
        try await TUFClient(store: store.base, metadata: repository, targets: repository, now: { now }).refresh()
        let client = try TUFClient(store: store, metadata: repository, targets: repository, now: { now })
        try await client.refresh()
        repository.publish()
        do {
            try await client.refresh()
            Issue.record("a write was not told")
        } catch {
            guard case .state(let cause) = error else { throw error }
            #expect(cause.code == EROFS)
        }
    }

    @Test func waitsForAnotherProcessThatWrites() async throws {
        let folder = try TemporaryDirectory()
        let repository = try SimulatedRepository()
        let now = repository.now
        let store = DirectoryMetadataStore(path: folder.path)
        let client = try TUFClient(
            store: store, trustedRoot: repository.firstRoot, metadata: repository, targets: repository, now: { now })
        var lock = try store.lock()
        #expect(lock != nil)
        #expect(try store.lock() == nil)
        let refresh = Task { try await client.refresh() }
        try await Task.sleep(for: .milliseconds(200))
        #expect(try store.read("timestamp", maximumLength: 10_000) == nil)
        lock = nil
        try await refresh.value
        #expect(try store.read("timestamp", maximumLength: 10_000) != nil)
    }

    @Test func aServerThatSaysNothingKeepsNobodyFromTheStore() async throws {
        let folder = try TemporaryDirectory()
        let repository = try SimulatedRepository()
        let now = repository.now
        let store = DirectoryMetadataStore(path: folder.path)
        let silent = GatedSource(repository, at: "timestamp.json")
        let waiting = try TUFClient(
            store: store, trustedRoot: repository.firstRoot, metadata: silent, targets: silent, now: { now })
        let refresh = Task { try await waiting.refresh() }
        #expect(await eventually { silent.isWaiting })
        // Not kept for anybody.
        #expect(try store.lock() != nil)
        try await TUFClient(store: store, metadata: repository, targets: repository, now: { now }).refresh()
        silent.open()
        try await refresh.value
    }

    /// The slow one has what was right when it asked.
    @Test func whatASlowServerGaveDoesNotReplaceWhatIsNewer() async throws {
        let repository = try SimulatedRepository()
        let (now, store) = (repository.now, InMemoryMetadataStore())
        func client(_ source: any RepositorySource) throws -> TUFClient {
            try TUFClient(
                store: store, trustedRoot: repository.firstRoot, metadata: source, targets: source, now: { now })
        }
        try await client(repository).refresh()
        repository.publish()
        let slow = GatedSource(repository, at: "timestamp.json", answer: repository.file("timestamp.json"))
        let late = try client(slow)
        let refresh = Task { try await late.refresh() }
        #expect(await eventually { slow.isWaiting })
        repository.publish()
        try await client(repository).refresh()
        #expect(try store.version("timestamp") == 3)
        slow.open()
        let error = await #expect(throws: TUFError.self) { try await refresh.value }
        #expect(error?.isRollback == true, "it begins anew, and knows better then")
        #expect(try store.version("timestamp") == 3)
    }

    @Test func showsWhatWasTrustedWithoutANetworkAndSaysSinceWhenItIsExpired() async throws {
        let scenario = try Scenario()
        scenario.repository.delegate("debian", paths: ["debian/*"])
        scenario.repository.addTarget("catalog.json", [1])
        scenario.repository.addTarget("debian/x", [2], to: "debian")
        scenario.repository.publish()
        #expect(try await scenario.client().target("debian/x") != nil)
        scenario.repository.forgetRequests()

        let fresh = try TrustedState.load(from: scenario.store, time: scenario.repository.now)
        #expect(fresh.expired.isEmpty)
        #expect(fresh.expires == scenario.repository.now.adding(seconds: 86_400))

        let later = scenario.repository.now.adding(seconds: 8 * 86_400)
        let state = try TrustedState.load(from: scenario.store, time: later)
        #expect(
            state.expired == [
                .init(role: "timestamp", since: scenario.repository.now.adding(seconds: 86_400)),
                .init(role: "snapshot", since: scenario.repository.now.adding(seconds: 7 * 86_400)),
            ])
        #expect(try state.target("catalog.json")?.sha256 == FileIdentity(of: [1]).sha256)
        #expect(try state.target("debian/x")?.sha256 == FileIdentity(of: [2]).sha256)
        #expect(try state.target("debian/y") == nil)
        #expect(scenario.repository.requests.isEmpty)
    }

    @Test func showsNothingThatThePresentRootsKeysDidNotSign() async throws {
        let scenario = try Scenario()
        scenario.repository.addTarget("x", [1])
        scenario.repository.publish()
        try await scenario.refresh()
        scenario.store["targets"] =
            SimulatedRepository.sign(
                scenario.repository.edit { $0.signed["targets"] ?? .null }, [SigningKey.generate()]
            ).bytes
        let state = try TrustedState.load(from: scenario.store, time: scenario.repository.now)
        #expect(state.targets == nil)
        #expect(try state.target("x") == nil)
    }

    @Test func showsNothingWithoutARoot() {
        #expect(throws: TUFError.self) { try TrustedState.load(from: InMemoryMetadataStore()) }
    }
}

/// A source that waits with one file until the test lets it go on.
private final class GatedSource: RepositorySource {
    private let base: SimulatedRepository
    private let file: String
    private let answer: [UInt8]?
    private let state = Mutex((isWaiting: false, isOpen: false))

    init(_ base: SimulatedRepository, at file: String, answer: [UInt8]? = nil) {
        (self.base, self.file, self.answer) = (base, file, answer)
    }

    var isWaiting: Bool { state.withLock { $0.isWaiting } }

    func open() { state.withLock { $0.isOpen = true } }

    func fetch(_ path: String, maximumLength: Int) async throws(RepositorySourceError) -> [UInt8] {
        guard path == file else { return try await base.fetch(path, maximumLength: maximumLength) }
        state.withLock { $0.isWaiting = true }
        while !state.withLock({ $0.isOpen }) {
            do { try await Task.sleep(for: .milliseconds(5)) } catch { throw .cancelled }
        }
        if let answer { return answer }
        return try await base.fetch(path, maximumLength: maximumLength)
    }
}

/// A store on a file system that is mounted read-only.
private struct ReadOnlyStore: MetadataStore {
    let base: DirectoryMetadataStore

    func read(_ role: String, maximumLength: Int) throws(SystemCallError) -> [UInt8]? {
        try base.read(role, maximumLength: maximumLength)
    }

    func write(_ role: String, _ bytes: [UInt8]) throws(SystemCallError) {
        throw SystemCallError(code: EROFS, call: "open", subject: role)
    }

    func lock() throws(SystemCallError) -> (any Sendable)? { try base.lock() }
}
