import Catalog
import Linux
import TestSupport
import Testing

@testable import Boot

/// Homes with the real e2fsprogs in their sandbox.
@Suite(
    .serialized, .timeLimit(.minutes(5)),
    .enabled(
        if: ["mkfs.ext4", "e2fsck", "resize2fs", "tune2fs", "bwrap"].allSatisfy { ProgramPath.find($0) != nil },
        "SKIPPED: needs e2fsprogs and bubblewrap"))
struct HomeLibraryTests {
    let folder: TemporaryDirectory
    let library: HomeLibrary
    let name: KeptName

    init() throws {
        // QEMU's user and the sandbox's must get through.
        let folder = try TemporaryDirectory(mode: 0o711)
        self.folder = folder
        library = HomeLibrary(places: HomeLibraryTests.places(folder.path))
        name = try #require(KeptName("work"))
    }

    static func places(_ state: String) -> Places {
        Places(environment: { $0 == "XDG_STATE_HOME" ? state : nil }, user: CurrentUser.id, home: state)
    }

    private var files: HomeFiles { library.files(name) }

    private func failure(_ body: () throws -> Void) -> HomeError? {
        do { try body() } catch let error as HomeError { return error } catch {}
        return nil
    }

    /// Runs debugfs, which writes to a disk without mounting it, as a guest would by its kernel.
    private func debug(_ request: String, _ path: String? = nil) throws -> String {
        let program = try #require(ProgramPath.find("debugfs"))
        let finished = try ChildProcess.run(program, ["-w", "-R", request, path ?? files.disk])
        // Its version stands on the other.
        return String(decoding: finished.output, as: UTF8.self)
    }

    private func write(_ bytes: [UInt8], at offset: Int, _ path: String? = nil) throws {
        let disk = try FileHandle(path ?? files.disk, for: .writing)
        try bytes.withBytes { (buffer) throws(SystemCallError) in try disk.write(buffer, at: offset) }
    }

    @Test func aNewHomeIsEmptyAndItsUsers() throws {
        let made = try library.create(name)
        #expect(made.size == HomeLibrary.usualSize && made.allocated < 16 << 20, "\(made)")
        #expect(made.trouble == nil && made.usedBy == nil && made.backups.isEmpty && made.lastUsed == nil)
        let status = try #require(try Paths.statusOfName(files.disk))
        #expect(status.permissions == 0o600 && status.owner == CurrentUser.id)
        let root = try debug("stat <2>")
        #expect(root.contains("User:  1000") && root.contains("Group:  1000"), "\(root)")
        let disk = try files.open(files.disk)
        let header = try #require(try library.header(of: disk))
        #expect(header.label == "oscircular-home" && header.size == HomeLibrary.usualSize && header.isAlone)
        #expect(header.uuid == library.record(files)?.uuid)
        #expect(try library.list().map(\.name) == ["work"])
        #expect(try library.check(name).isRepaired == false)
        // Nothing is left of how it was made.
        #expect(Folder.namesIfAny(in: files.folder).sorted() == ["work.json", "work.lock", "work.raw"])
        guard case .exists = failure({ try library.create(name) }) else {
            Issue.record("made twice")
            return
        }
    }

    @Test func aHomeGrowsAndNeverShrinks() throws {
        try library.create(name, size: 64 << 20)
        let before = try #require(library.record(files))
        guard case .notSmaller = failure({ try library.grow(name, to: 64 << 20) }),
            case .invalidSize = failure({ try library.grow(name, to: 1 << 20) }),
            case .invalidSize = failure({ try library.create(name, size: 1 << 50) })
        else {
            Issue.record("another size")
            return
        }
        _ = try debug("mkdir kept")
        let grown = try library.grow(name, to: 200 << 20)
        #expect(grown.size == 200 << 20 && grown.trouble == nil)
        #expect(try library.grow(name, to: 20 << 30).allocated < 32 << 20, "new tables stay holes")
        let header = try library.header(of: try files.open(files.disk))
        #expect(header?.size == 20 << 30)
        #expect(try debug("ls -p").contains("/kept/"))
        #expect(library.record(files) == before)
        #expect(try library.check(name).isRepaired == false)
    }

    @Test func aBackupComesBackAndThePresentIsKept() throws {
        try library.create(name, size: 64 << 20)
        _ = try debug("mkdir first")
        let backup = try library.backup(name)
        #expect(try Paths.statusOfName(files.backup(backup.name))?.permissions == 0o600)
        _ = try debug("mkdir second")
        let another = try library.backup(name)
        #expect(another.name != backup.name, "two in one second")
        #expect(try library.home(name).backups.map(\.name) == [another.name, backup.name])
        #expect(try library.restore(name, to: backup.name) == backup.name)
        #expect(try debug("ls -p").contains("/first/") && !debug("ls -p").contains("/second/"))
        let backups = try library.home(name).backups
        #expect(backups.count == 3)
        // The latest is what was there.
        try library.restore(name)
        #expect(try debug("ls -p").contains("/second/"))
        #expect(try library.home(name).trouble == nil, "the home's file is no backup's any more")
        guard case .noSuchBackup = failure({ try library.restore(name, to: "1999") }) else {
            Issue.record("found")
            return
        }
        try library.forget(name, backup: backup.name)
        #expect(try !library.home(name).backups.map(\.name).contains(backup.name))
        try library.forget(name)
        #expect(Folder.namesIfAny(in: files.folder).isEmpty)
    }

    @Test func aCopyHasHolesWhereTheHomeHas() throws {
        let made = try library.create(name, size: 128 << 20)
        let copy = try library.backup(name)
        #expect(copy.size == 128 << 20 && copy.allocated <= made.allocated + (1 << 20), "\(copy) of \(made)")
        let same = try ChildProcess.run("cmp", [files.disk, files.backup(copy.name)])
        #expect(same.ending == .exited(0), "\(same.text)")
    }

    // MARK: One at a time

    @Test func whoHasAHomeHasItAlone() throws {
        try library.create(name, size: 64 << 20)
        let backup = try library.backup(name)
        let key = VersionKey(catalog: "test", distribution: "tiny", version: "2026-11-16")
        let held = try SessionHome.take(name, for: "abc12345", key, isVerified: true, isAllowed: false, library) { _ in
        }
        let uses: [() throws -> Void] = [
            { _ = try SessionHome.take(name, for: "x", key, isVerified: true, isAllowed: true, library) { _ in } },
            { try library.grow(name, to: 1 << 30) }, { _ = try library.check(name) }, { try library.backup(name) },
            { try library.restore(name, to: backup.name) }, { try library.forget(name) },
        ]
        for use in uses {
            guard case .inUse(_, "abc12345") = failure(use) else {
                Issue.record("\(String(describing: failure(use)))")
                return
            }
        }
        #expect(try library.home(name).usedBy == "abc12345")
        withExtendedLifetime(held) {}
    }

    @Test func aQEMUThatOutlivesItsSessionKeepsItsHome() throws {
        try library.create(name, size: 64 << 20)
        let emulator = try LockingQEMU(files.disk)
        defer { emulator.end() }
        guard case .inUse(_, nil) = failure({ _ = try files.open(files.disk, waits: false) }) else {
            Issue.record("opened")
            return
        }
    }

    // MARK: Who may have it

    @Test func anothersSystemIsAskedAboutOnce() throws {
        func take(_ catalog: String, _ distribution: String, verified: Bool = true, allowed: Bool = false) throws {
            let key = VersionKey(catalog: catalog, distribution: distribution, version: "1")
            _ = try SessionHome.take(name, for: "s", key, isVerified: verified, isAllowed: allowed, library) { _ in }
        }
        func question(_ catalog: String, _ distribution: String, verified: Bool = true) -> HomeQuestion? {
            let error = failure { try take(catalog, distribution, verified: verified) }
            if case .notAllowed(let question) = error { return question }
            return nil
        }
        // Made by its first start, which is asked about nothing; nor are others of the same publisher.
        #expect(question("own", "debian") == nil && library.exists(name))
        #expect(question("own", "alpine") == nil)
        let other = try #require(question("other", "debian"))
        #expect(other.isOthers && !other.isUnverified && other.question.contains("all of it"))
        #expect(question("other", "debian") != nil, "nobody has answered")
        try library.allow(other)
        #expect(question("other", "debian") == nil)
        // Vendors are each another's.
        try library.allow(try #require(question("vendors", "debian-13")))
        #expect(question("vendors", "debian-13") == nil && question("vendors", "fedora-43") != nil)
        // A file that may still turn out to be anybody's, also of a system that is known.
        let unverified = try #require(question("vendors", "debian-13", verified: false))
        #expect(unverified.isUnverified && !unverified.isOthers && unverified.question.contains("not verified"))
        try library.allow(unverified)
        #expect(question("vendors", "debian-13", verified: false) == nil)
        try take("third", "x", allowed: true)
        #expect(try library.home(name).lastUsed?.catalog == "third")
        // Without its record a home is somebody's.
        Paths.removeIfPossible(files.record)
        let adopted = try #require(question("own", "debian"))
        #expect(adopted.isOthers)
        try library.allow(adopted)
        #expect(question("own", "debian") == nil)
    }

    @Test func anUnverifiedSystemDoesNotGetAnEmptyHomeEither() throws {
        let key = VersionKey(catalog: "vendors", distribution: "x", version: "1")
        let error = failure {
            _ = try SessionHome.take(name, for: "s", key, isVerified: false, isAllowed: false, library) { _ in }
        }
        guard case .notAllowed = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!library.exists(name))
        // The user's yes makes it, and is asked for once.
        guard case .notAllowed(let question) = error else { return }
        try library.allow(question)
        let new = try library.home(name)
        #expect(new.size == HomeLibrary.usualSize && new.systems == ["vendors/x"] && new.lastUsed == nil)
        _ = try SessionHome.take(name, for: "s", key, isVerified: false, isAllowed: false, library) { _ in }
        #expect(try library.home(name).backups.isEmpty)
    }

    /// A machine, and whoever lost only the disk, would miss everything in an empty one.
    @Test func aHomeThatIsLostIsNotMadeAnew() throws {
        let key = VersionKey(catalog: "own", distribution: "x", version: "1")
        func lost(mustExist: Bool) -> Bool? {
            let error = failure {
                _ = try SessionHome.take(
                    name, for: "s", key, isVerified: true, isAllowed: false, library, mustExist: mustExist
                ) { _ in }
            }
            if case .lost(_, let hasBackups) = error { return hasBackups }
            return nil
        }
        #expect(lost(mustExist: true) == false && !library.exists(name))
        try library.create(name, size: 64 << 20)
        #expect(lost(mustExist: true) == nil)
        let backup = try library.backup(name)
        // As a file system leaves it whose files have one name each, when a restore is cut off.
        try Paths.remove(files.disk)
        #expect(lost(mustExist: false) == true)
        library.putBack(backup.name, files)
        #expect(lost(mustExist: true) == nil && Folder.namesIfAny(in: files.backups).isEmpty)
        library.putBack(backup.name, files)
        #expect(library.exists(name), "nothing takes its place")
    }

    @Test func aMissingBackupIsSaid() throws {
        try library.create(name, size: 64 << 20)
        var said: [HomeError] = []
        for version in ["1", "2"] {
            let key = VersionKey(catalog: "own", distribution: "debian", version: version)
            _ = try SessionHome.take(
                name, for: "s", key, isVerified: true, isAllowed: false, library, warn: { said.append($0) }
            ) { _ in }
            // Others may write there.
            try Folder.make(files.backups, mode: 0o700)
            try Paths.setPermissions(files.backups, 0o777)
        }
        guard case .notOurs(files.backups, _)? = said.first, said.count == 1 else {
            Issue.record("\(said)")
            return
        }
    }

    @Test func aHomeIsKeptBeforeAnotherVersionHasIt() throws {
        func take(_ version: String) throws {
            let key = VersionKey(catalog: "own", distribution: "debian", version: version)
            _ = try SessionHome.take(name, for: "s", key, isVerified: true, isAllowed: false, library) { _ in }
        }
        try library.create(name, size: 64 << 20)
        let own = try library.backup(name)
        for version in ["1", "1"] { try take(version) }
        #expect(try library.home(name).backups.count == 1, "nothing was in it, then nothing was new")
        for version in 2...6 { try take("\(version)") }
        let names = try library.home(name).backups.map(\.name)
        #expect(names.filter(HomeFiles.isAutomatic).count == 3 && names.contains(own.name), "\(names)")
    }

    // MARK: What is not a home

    @Test func whatIsNoPlainFileOfTheUsersIsNotUsed() throws {
        try library.create(name, size: 64 << 20)
        func reason() -> String? {
            if case .notOurs(_, let reason) = failure({ _ = try files.open(files.disk) }) { reason } else { nil }
        }
        try Paths.setPermissions(files.disk, 0o640)
        #expect(reason()?.contains("other users") == true)
        #expect(try library.list().first?.trouble?.contains("other users") == true)
        try Paths.setPermissions(files.disk, 0o600)
        #expect(reason() == nil)
        if CurrentUser.isRoot {
            try Paths.setOwner(files.disk, 4321)
            #expect(reason()?.contains("another user") == true)
            // A guest's own user, of a session that was killed.
            let nobody = UserDatabase.user(named: "nobody")?.id ?? 61_190
            for user in [61_190, nobody] {
                try Paths.setOwner(files.disk, user)
                #expect(reason() == nil)
                #expect(try Paths.statusOfName(files.disk)?.owner == 0)
            }
        }
        try Paths.addName(folder.path("other"), of: files.disk)
        #expect(reason()?.contains("another name") == true)
        try Paths.rename(files.disk, to: folder.path("elsewhere"))
        try Paths.remove(folder.path("other"))
        try Paths.makeLink(files.disk, to: folder.path("elsewhere"))
        #expect(reason() == "it is a link")
        guard case .exists = failure({ try library.create(name) }) else {
            Issue.record("made over a link")
            return
        }
        try library.forget(name)
        #expect(try Paths.isThere(folder.path("elsewhere")), "what a link leads to stays")
    }

    @Test func aFolderThatOthersCanWriteToIsNotUsed() throws {
        try library.create(name, size: 64 << 20)
        try Paths.setPermissions(files.folder, 0o777)
        guard case .notOurs = failure({ _ = try library.list() }), case .notOurs = failure({ try library.create(name) })
        else {
            Issue.record("used")
            return
        }
        try Folder.removeTree(files.folder)
        try folder.makeFolder("elsewhere")
        try Paths.makeLink(files.folder, to: folder.path("elsewhere"))
        guard case .notOurs = failure({ try library.create(name) }) else {
            Issue.record("made through a link")
            return
        }
        #expect(Folder.namesIfAny(in: folder.path("elsewhere")).isEmpty)
    }

    /// A guest that makes its home look like another's system disk, or like a volume of orders for cloud-init.
    @Test func aHomeThatPretendsToBeSomethingElseIsNotAttached() throws {
        try library.create(name, size: 64 << 20)
        func reason() throws -> String? { try library.home(name).trouble }
        let tune = try #require(ProgramPath.find("tune2fs"))
        _ = try ChildProcess.run(tune, ["-L", "cloudimg-rootfs", files.disk])
        #expect(try reason()?.contains("label") == true)
        #expect(try library.check(name, repairs: true).isRepaired == false)
        #expect(try reason() == nil)
        _ = try ChildProcess.run(tune, ["-U", "5f6f7363-6465-4269-8a01-000000000001", files.disk])
        #expect(try reason()?.contains("UUID") == true)
        _ = try library.check(name, repairs: true)
        #expect(try reason() == nil)
        try write([0x55, 0xAA], at: 510)
        #expect(try reason()?.contains("before its file system") == true)
        guard case .unusable = failure({ _ = try library.check(name) }) else {
            Issue.record("in order")
            return
        }
        _ = try library.check(name, repairs: true)
        #expect(try reason() == nil)
        let disk = try FileHandle(files.disk, for: .writing)
        try disk.truncate(to: 32 << 20)
        #expect(try reason() == "its file has been cut")
    }

    @Test func whatIsNoFileSystemIsSaidToBeNone() throws {
        try library.create(name, size: 64 << 20)
        let disk = try FileHandle(files.disk, for: .writing)
        try disk.truncate(to: 0)
        try disk.truncate(to: 64 << 20)
        guard case .unusable(_, let reason) = failure({ _ = try library.check(name) }) else {
            Issue.record("a file system")
            return
        }
        #expect(reason.contains("no ext4"))
        guard case .unusable = failure({ try library.grow(name, to: 128 << 20) }) else {
            Issue.record("grown")
            return
        }
        try disk.truncate(to: 100)
        #expect(try library.home(name).trouble?.contains("no ext4") == true)
        #expect(throws: HomeError.self) { _ = try library.check(name, repairs: true) }
    }

    /// Superblocks and group descriptors of random bytes: a check ends soon, with a message, and nothing but the file has changed.
    @Test func aHostileFileSystemEndsNoCheck() throws {
        try library.create(name, size: 64 << 20)
        let whole = try FileContents.read(files.disk, limit: 1 << 27)
        let copy = try ChildProcess.run("cp", ["--sparse=always", files.disk, folder.path("original")])
        try #require(copy.ending == .exited(0))
        let original = try FileHandle(folder.path("original"), for: .reading)
        var random = SeededRandom(seed: 20)
        for round in 0..<10 {
            var bytes = whole
            // The first is all of the superblock but its magic number, the others some bytes of it or of what follows.
            let places =
                round == 0
                ? Array(1024..<2048)
                : (0..<(4 << (round % 5))).map { _ in
                    Int.random(in: round % 2 == 0 ? 1024..<1400 : 4096..<70_000, using: &random)
                }
            for place in places where place != 1080 && place != 1081 {
                bytes[place] = UInt8.random(in: 0...255, using: &random)
            }
            // With its holes, for copies are made of it.
            let disk = try FileHandle(files.disk, for: .both)
            try disk.truncate(to: 0)
            try disk.copyData(of: original)
            try Array(bytes[..<70_000]).withBytes { (buffer) throws(SystemCallError) in try disk.write(buffer, at: 0) }
            let begun = ContinuousClock.now
            for repairs in [false, true] {
                let error = failure { _ = try library.check(name, repairs: repairs) }
                if case .file(let cause) = error { Issue.record("\(cause)") }
            }
            #expect(ContinuousClock.now - begun < .seconds(60), "round \(round)")
            #expect(try Paths.statusOfName(files.disk)?.owner == CurrentUser.id)
            #expect(try Paths.statusOfName(files.disk)?.size == 64 << 20, "round \(round)")
            try Folder.removeTree(files.backups)
        }
    }

    // MARK: Names

    @Test func onlyPlainNamesAreNames() {
        for text in ["work", "a", "0", "My-Home_2", "debian.13", "a..b", String(repeating: "a", count: 64)] {
            #expect(KeptName(text)?.text == text)
        }
        let wrong = [
            "", ".", "..", ".hidden", "-x", "_x", "a/b", "../x", "my home", "a\n", "a\0", "ä",
            "%s",
            "$(x)", String(repeating: "a", count: 65),
        ]
        for text in wrong { #expect(KeptName(text) == nil, "\(text)") }
    }

    @Test func aUsersNameBecomesOneThatEverySystemTakes() {
        let names = [
            "ann": "ann", "Ann": "ann", "jane.doe": "jane-doe", "CORP\\jd": "corp-jd", "2fast": "fast", "root": "user",
            "": "user", "...": "user", "x--": "x", "ännchen": "nnchen", "www-data": "user",
            String(repeating: "a", count: 50): String(repeating: "a", count: 32),
        ]
        for (login, name) in names {
            #expect(HomeUser.name(from: login) == name)
            #expect(GuestSettings.isValid(user: HomeUser.name(from: login)))
        }
    }
}
