import Boot
import Glibc
import Linux
import TestSupport
import Testing

/// Where the sockets of a user's sessions are when XDG_RUNTIME_DIR does not say.
@Suite struct RuntimeFolderTests {
    private let folder: TemporaryDirectory
    private let user = geteuid()
    private let former: String

    init() throws {
        folder = try TemporaryDirectory()
        for name in ["logins", "tmp"] { try folder.makeFolder(name) }
        former = folder.path("tmp/oscircular-\(geteuid())")
    }

    private func find(_ given: String? = nil) -> RuntimeFolder {
        RuntimeFolder.find(
            user: user, state: folder.path("state"), given: given, logins: folder.path("logins"),
            temporary: folder.path("tmp"))
    }

    private func permissions(_ path: String) throws -> FilePermissions? { try Paths.statusOfName(path)?.permissions }

    @Test func theFolderOfTheUsersLoginsIsUsedAndNothingIsMade() throws {
        try Folder.makeNew(folder.path("logins/\(user)"), mode: 0o700)
        #expect(find() == RuntimeFolder(path: folder.path("logins/\(user)/oscircular"), former: [former]))
        #expect(try Folder.names(in: folder.path("tmp")) == [])
        #expect(try !Paths.isThere(folder.path("state")))
    }

    @Test func oneThatOthersMayLookIntoOrThatIsALinkIsNot() throws {
        let login = folder.path("logins/\(user)")
        try Folder.makeNew(login, mode: 0o755)
        #expect(find().path.hasPrefix("\(former)-"))
        try Paths.setPermissions(login, 0o700)
        try Paths.rename(login, to: "\(login).real")
        try Paths.makeLink(login, to: "\(login).real")
        #expect(find().path.hasPrefix("\(former)-"))
    }

    @Test func withoutLoginsItIsAFolderThatNobodyCanNameBeforehandAndItStays() throws {
        let first = find()
        #expect(first.path.hasPrefix("\(former)-"))
        #expect(first.path.utf8.count == former.utf8.count + 7)
        #expect(try permissions(first.path) == 0o700)
        #expect(try permissions(folder.path("state/runtime")) == 0o600)
        #expect(find() == first)
        #expect(try Folder.names(in: folder.path("tmp")).count == 1)
        // A power cut may leave an empty file.
        try AtomicFile.write("", to: folder.path("state/runtime"))
        #expect(find() != first)
    }

    /// A job of cron's starts one, and its user logs in later.
    @Test func sessionsFromBeforeALoginAreSeenAfterIt() throws {
        let before = find()
        let older = try places(before)
        try older.prepareRuntime()
        let lock = try SessionDirectory(id: "living", places: older).create()
        try Folder.makeNew(folder.path("logins/\(user)"), mode: 0o700)
        let after = find()
        #expect(after == RuntimeFolder(path: folder.path("logins/\(user)/oscircular"), former: [former, before.path]))
        let given = find(folder.path("given/oscircular"))
        #expect(given == RuntimeFolder(path: folder.path("given/oscircular"), former: [before.path]))
        for found in [after, given] { #expect(try SessionRegistry(places: places(found)).ids() == ["living"]) }
        // Whoever can write there may have made them.
        try Paths.setPermissions(before.path, 0o777)
        #expect(try SessionRegistry(places: places(given)).ids() == [])
        #expect(find(folder.path("given/oscircular")).former == [])
        withExtendedLifetime(lock) {}
    }

    @Test func programsThatStartAtOnceAgree() async throws {
        let (folder, user) = (folder, user)
        let found = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try await WorkerThread.run(name: "find") {
                        RuntimeFolder.find(
                            user: user, state: folder.path("state"), logins: folder.path("logins"),
                            temporary: folder.path("tmp")
                        ).path
                    }
                }
            }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(found.count == 1)
    }

    @Test(.enabled(if: geteuid() == 0, "only root can give a folder to somebody else"))
    func whateverSomebodyElseMadeFirstNobodyIsShutOut() throws {
        // The name of earlier versions, which anybody can make.
        try Folder.makeNew(former, mode: 0o777)
        try Paths.setOwner(former, 65534)
        let first = find()
        try places(first).prepareRuntime()
        // The machine was started anew, /tmp is empty, and somebody has seen the name.
        try Folder.removeTree(first.path)
        try Folder.makeNew(first.path, mode: 0o777)
        try Paths.setOwner(first.path, 65534)
        let second = find()
        #expect(second.path != first.path)
        try places(second).prepareRuntime()
        #expect(try places(second).trustedSessions == ["\(second.path)/sessions"])
    }

    @Test func whereNoNameCanBeKeptThereIsStillAFolder() throws {
        try folder.write([1], to: "state")
        #expect(find() == RuntimeFolder(path: former))
    }

    // MARK: Sessions of earlier versions

    /// As for a user: for root the place is always the same.
    private func places(_ found: RuntimeFolder) throws -> Places {
        let state = folder.path("xdg")
        return Places(
            environment: { ["XDG_STATE_HOME": state][$0] }, user: 1, home: folder.path, findRuntime: { _, _ in found })
    }

    @Test func sessionsThatAnEarlierVersionStartedAreSeenAndClearedAway() throws {
        let (older, newer) = (
            try places(RuntimeFolder(path: former)), try places(find())
        )
        try older.prepareRuntime()
        let lock = try SessionDirectory(id: "living", places: older).create()
        _ = try SessionDirectory(id: "dead", places: older).create()
        let registry = SessionRegistry(places: newer)
        // Before the new folder is made, too.
        #expect(registry.ids() == ["living"])
        try newer.prepareRuntime()
        let new = try SessionDirectory(id: "new", places: newer).create()
        #expect(try Folder.names(in: newer.sessions) == ["new"])
        #expect(registry.ids() == ["living", "new"])
        #expect(try registry.directory(of: "liv").path == "\(former)/sessions/living")
        registry.clearStale()
        #expect(try Folder.names(in: older.sessions) == ["living"])
        withExtendedLifetime((lock, new)) {}
    }

    @Test func whatOthersCanWriteToHasNoSessionsOfOurs() throws {
        let (older, newer) = (try places(RuntimeFolder(path: former)), try places(find()))
        try older.prepareRuntime()
        let lock = try SessionDirectory(id: "living", places: older).create()
        try Paths.setPermissions(former, 0o777)
        #expect(SessionRegistry(places: newer).ids() == [])
        withExtendedLifetime(lock) {}
    }
}
