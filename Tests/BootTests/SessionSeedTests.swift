import Catalog
import GuestDomain
import Linux
import TestSupport
import Testing

@testable import Boot

@Suite struct SessionSeedTests {
    private let folder: TemporaryDirectory
    private let places: Places

    init() throws {
        let folder = try TemporaryDirectory()
        self.folder = folder
        places = Places(
            environment: { ["XDG_RUNTIME_DIR": folder.path("run"), "XDG_STATE_HOME": folder.path("state")][$0] },
            user: 1, home: folder.path)
    }

    private func seed(
        _ id: String, _ guest: GuestSettings, userData: String? = nil, usual: String? = nil
    ) throws -> SessionSeed {
        let version = DistributionVersion(
            id: try #require(VersionID("2026-11-30")), published: .now, index: "d/1.caibx", size: 512, guest: guest)
        let distribution = Distribution(id: "debian-13.2", versions: [version])
        let request = BootRequest(
            id: id, name: "debian-13.2", memoryMiB: nil, cpus: nil, display: .none, network: "none", accel: "tcg",
            connect: nil, userData: userData)
        let directory = SessionDirectory(id: id, places: places)
        try Folder.make(directory.credentials)
        return SessionSeed(
            request: request,
            chosen: ChosenVersion(
                source: try CatalogSource(name: "test", location: "https://example.org/"),
                document: CatalogDocument(name: "test", updated: .now, distributions: [distribution]),
                distribution: distribution, version: version),
            directory: directory, usualUserData: usual)
    }

    @Test func aSystemThatAsksForNoSeedGetsNone() throws {
        let seed = try seed("abc", GuestSettings(seed: .absent))
        #expect(try seed.write(authorizedKey: "ssh-ed25519 AAAA") == nil)
        #expect(seed.directory.loginUser == "root")
        #expect(try seed.directory.consolePassword() == nil)
        #expect(Folder.namesIfAny(in: seed.directory.path) == ["fw"])
        let asked = try self.seed("abd", GuestSettings(), userData: "#!/bin/sh\n")
        #expect(throws: GuestDomainError.self) { try asked.write(authorizedKey: "k") }
        // Before anything is fetched.
        #expect(throws: GuestDomainError.self) { try asked.check() }
        try seed.check()
    }

    @Test func thePasswordIsInOneFileOfTheUsersAndItsHashInTheSeed() throws {
        let seed = try seed("abc", GuestSettings(seed: .nocloud, user: "debian"))
        let files = try #require(try seed.write(authorizedKey: "ssh-ed25519 AAAA"))
        let password = try #require(try seed.directory.consolePassword())
        #expect(password.count == 12)
        for path in [seed.directory.password, seed.directory.userInGuest, try #require(files.diskPath)] {
            #expect(try Paths.status(path)?.permissions == 0o600, "\(path)")
        }
        let disk = String(decoding: try FileContents.read(try #require(files.diskPath), limit: 4 << 20), as: UTF8.self)
        #expect(!disk.contains(password))
        #expect(disk.contains("instance-id: oscircular-abc\nlocal-hostname: debian-13-2\n"))
        let line = try #require(disk.split(separator: "\n").first { $0.contains("hashed_passwd") })
        let hash = String(line.split(separator: "\"")[1])
        // The salt is what makes it another each time.
        #expect(hash.hasPrefix("$6$") && hash != ConsolePassword.hash(password))
        #expect(seed.directory.loginUser == "debian")
        // A new overlay comes with a new session.
        let next = try self.seed("abd", GuestSettings(seed: .nocloud))
        _ = try next.write(authorizedKey: "k")
        #expect(try next.directory.consolePassword() != password)
        #expect(next.directory.domainName != seed.directory.domainName)
    }

    @Test func aMachineLearnsTheSameAtEachStartAndAnotherOneSomethingElse() throws {
        let fixture = try MachineFixture()
        try Folder.make(places.overlays)
        func read(_ id: String, _ machine: SessionMachine, userData: String? = nil) throws -> (String, String) {
            var seed = try seed(id, GuestSettings(seed: .nocloud, user: "debian"), userData: userData)
            seed.machine = machine
            // With the session; until then the machine is in use.
            defer { try? Folder.removeTree(seed.directory.path) }
            let files = try #require(try seed.write(authorizedKey: "k"))
            let disk = try FileContents.read(try #require(files.diskPath), limit: 4 << 20)
            #expect(seed.directory.loginUser == "debian")
            return (String(decoding: disk, as: UTF8.self), try #require(try seed.directory.consolePassword()))
        }
        func start(_ name: String, _ id: String) throws -> SessionMachine {
            try SessionMachine(.started(name), directory: SessionDirectory(id: id, places: places), places: places)
        }
        let (first, password) = try {
            let machine = try SessionMachine(
                .new("work"), directory: SessionDirectory(id: "abc", places: places), places: places)
            let read = try read("abc", machine, userData: "#!/bin/sh\necho mine\n")
            try fixture.finish(machine, seed: .nocloud)
            return read
        }()
        // Whatever the user's orders are by now.
        let again = try { try read("abd", try start("work", "abd"), userData: "#!/bin/sh\necho other\n") }()
        #expect(again == (first, password))
        try MachineLibrary(places: places).clone("work", as: "clone", cache: fixture.cache)
        let clone = try { try read("abe", try start("clone", "abe")) }()
        #expect(clone.0 != first && clone.1 == password)
        func instance(_ text: String) -> Substring? {
            text.split(separator: "\n").first { $0.contains("instance-id: ") }
        }
        #expect(instance(clone.0) != instance(first) && instance(first) != nil)
    }

    @Test func aUsersFileForAllIsForCloudInitAlone() throws {
        let path = try folder.write(Array("#cloud-config\npackages: [tree]\n".utf8), to: "mine")
        func disk(_ kind: SeedKind, _ id: String, userData: String? = nil) throws -> String {
            let files = try seed(id, GuestSettings(seed: kind), userData: userData, usual: path)
                .write(authorizedKey: "k")
            let file = try #require(files?.diskPath ?? files?.firmwareEntries.first?.path)
            return String(decoding: try FileContents.read(file, limit: 4 << 20), as: UTF8.self)
        }
        #expect(try disk(.nocloud, "a").contains("filename=\"user-data\""))
        // What the option says counts alone.
        #expect(try disk(.nocloud, "b", userData: "#!/bin/sh\n").split(separator: "filename=\"user-data\"").count == 2)
        #expect(try !disk(.ignition, "c").contains("merge"))
        #expect(try !disk(.nuageinit, "d").contains("b64decode"))
        try Paths.remove(path)
        #expect(throws: GuestDomainError.self) { try disk(.nocloud, "e") }
    }

    @Test(arguments: [
        ("debian", "debian"), ("ubuntu-24.04", "ubuntu-24-04"), ("a_b", "a-b"), ("_.", "guest"), ("x-", "x"),
    ])
    func aHostsNameIsOneLabel(distribution: String, name: String) {
        #expect(SessionSeed.hostName(distribution) == name)
    }

    @Test func whatIsNoUsersNameIsNotGivenToSSH() throws {
        let directory = SessionDirectory(id: "abc", places: places)
        try Folder.make(directory.path)
        for (text, user) in [("debian\n", "debian"), ("-oProxyCommand=x\n", "root"), ("a b\n", "root"), ("", "root")] {
            try AtomicFile.write(text, to: directory.userInGuest, mode: 0o600)
            #expect(directory.loginUser == user)
        }
    }
}
