import BlockStore
import GuestDomain
import Linux
import TestSupport
import Testing

@testable import Boot

/// What is stored of suspended guests, without guests.
@Suite struct SuspendedLibraryTests {
    private let fixture: MachineFixture
    private var places: Places { fixture.places }
    private var library: SuspendedLibrary { SuspendedLibrary(places: places) }

    init() throws { fixture = try MachineFixture() }

    private func request(_ id: String, machine: String? = nil, home: String? = nil) -> BootRequest {
        BootRequest(
            id: id, name: "debian", memoryMiB: 256, cpus: 1, display: .none, network: "user", accel: "tcg",
            connect: nil,
            machine: machine.map { .started($0) }, home: home)
    }

    /// As a session leaves it when the guest is saved.
    @discardableResult
    private func suspend(
        _ id: String, machine: String? = nil, home: String? = nil, hasMemory: Bool = true
    ) throws -> SuspendRecord {
        let folder = SuspendedFolder(id, in: places)
        try Folder.make(places.suspended, mode: 0o700)
        for path in [folder.path, folder.base, folder.session, folder.credentials, folder.keys] {
            try Folder.make(path, mode: 0o700)
        }
        var base: MachineRecord.Base?
        if machine == nil {
            let version = SessionImage(
                image: VersionImage(
                    chosen: try MachineFixture.chosen(size: fixture.image.index.imageSize),
                    indexPath: fixture.image.indexPath, file: nil),
                index: fixture.image.index, bootSet: [], ledger: nil)
            let digest = try MachineFolder(name: id, path: folder.base).keepBase(of: version)
            base = .init(version.image, indexDigest: digest, size: version.index.imageSize)
            try AtomicFile.write("disk", to: folder.overlay, mode: 0o600)
        }
        var record = SuspendRecord(
            created: .now, catalog: "test", distribution: "debian", version: "2026-11-30", title: "Debian",
            request: request(id, machine: machine, home: home),
            guest: try .init(fixture.specification(), credentials: "/c"), base: base)
        if hasMemory {
            record.memory = .init(
                size: 3, content: 3, digest: "sha256:\(String(repeating: "a", count: 64))",
                origin: MemoryFileTests.origin)
            try AtomicFile.write("mem", to: folder.memory, mode: 0o600)
        }
        try library.mark(record, id)
        try folder.write(record)
        return record
    }

    // MARK: Records

    @Test func aRecordIsReadAsItWasWritten() throws {
        let record = try suspend("abcd1234")
        #expect(try library.record("abcd1234") == record)
        #expect(library.ids() == ["abcd1234"])
        let directory = SessionDirectory(id: "abcd1234", places: places)
        try Folder.make(places.logs)
        for path in [directory.processLog, directory.rollbackFile] { try AtomicFile.write("before\n", to: path) }
        let request = try library.request("abcd1234", .memory)
        #expect(!Paths.allows([], directory.processLog) && !Paths.allows([], directory.rollbackFile))
        #expect(request.resumes == .memory && request.id == "abcd1234")
        let status = try #require(library.statuses(fixture.cache).first)
        #expect(status.state == .suspended && status.suspended?.memory == 3 && status.suspended?.problem == nil)
        #expect(status.suspended?.base?.hasSuffix("of its image here") == true)
    }

    @Test func theFolderThatItHadIsTheOnlyOneThatItGetsUnasked() throws {
        var record = try suspend("abcd1234")
        let folder = SuspendedFolder("abcd1234", in: places)
        record.request.share = SharedFolder(path: "/srv/x", isReadOnly: false)
        try folder.write(record)
        // Nobody knows which one it was.
        #expect(try library.request("abcd1234", .memory).allowShare == true)
        record.request.givenShare = SharedFolder.Given(path: "/srv/x", inode: 7)
        record.request.allowShare = true
        try folder.write(record)
        for resumption in [BootRequest.Resumption.memory, .cold] {
            let request = try library.request("abcd1234", resumption)
            #expect(request.allowShare == nil && request.givenShare == record.request.givenShare)
        }
    }

    @Test func aRecordThatLeadsElsewhereOrIsOfALaterReleaseIsRefusedAndStays() throws {
        let record = try suspend("abcd1234")
        let folder = SuspendedFolder("abcd1234", in: places)
        let text = try FileContents.readText(folder.record, limit: 1 << 20)
        for (from, to) in [
            ("\"id\" : \"abcd1234\"", "\"id\" : \"zzzz1234\""), ("\"format\" : 1", "\"format\" : 3"),
            ("sha256:aaaa", "sha256:zzzz"), ("\"sectorSize\" : 512", "\"sectorSize\" : 7"), ("{", ""),
        ] {
            let changed = text.replacing(from, with: to)
            #expect(changed != text, "\(from)")
            try AtomicFile.write(changed, to: folder.record, mode: 0o600)
            #expect(throws: SuspendError.self, "\(to)") { try library.record("abcd1234") }
            library.clearStale()
            #expect(library.statuses(fixture.cache).first?.suspended?.problem != nil)
        }
        let changes: [(inout SuspendRecord.Guest) -> Void] = [
            { $0.entries = [.init(name: "opt/x", file: "../../keys")] },
            { $0.entries = [.init(name: "opt/x,file=/etc/passwd", file: "x")] },
            { $0.seedEntries = [.init(name: String(repeating: "x", count: 56), file: "x")] },
            { $0.seedSerialNumber = "1,x" }, { $0.mac = "52:54:00:00:00:01,x=y" }, { $0.mac = "52:54:00:00:01" },
            { $0.uuid += "'" }, { $0.uuid = "" }, { $0.processorModel = PortableProcessor.ofHardware },
            {
                $0.accelerator = .kvm
                $0.processorModel = "x,+y"
            },
        ]
        for (number, change) in changes.enumerated() {
            var foreign = record
            change(&foreign.guest)
            try folder.write(foreign)
            #expect(throws: SuspendError.self, "\(number)") { try library.record("abcd1234") }
        }
        var usual = record
        usual.guest.entries = [.init(name: "opt/io.systemd.credentials/ssh.authorized_keys.root", file: "x")]
        usual.guest.seedSerialNumber = "ds=nocloud"
        try folder.write(usual)
        #expect(try library.record("abcd1234") == usual)
        try AtomicFile.write("{", to: folder.record, mode: 0o600)
        // It can be given up all the same.
        try library.forget("abcd1234", cache: fixture.cache)
        #expect(Folder.namesIfAny(in: places.suspended) == [])
    }

    @Test func whatTheFirstReleaseWouldMisreadHasAnotherFormat() throws {
        let plain = try suspend("abcd1234")
        let folder = SuspendedFolder("abcd1234", in: places)
        #expect(plain.format == 1)
        let changes: [(inout SuspendRecord.Guest) -> Void] = [{ $0.layers = 1 }, { $0.isHomePlugged = true }]
        for change in changes {
            var warm = plain
            change(&warm.guest)
            #expect(warm.format == 2)
            try folder.write(warm)
            #expect(try FileContents.readText(folder.record, limit: 1 << 20).contains("\"format\" : 2"))
            #expect(try library.record("abcd1234") == warm)
        }
        var warm = plain
        warm.guest.layers = 0
        #expect(warm.format == 1)
    }

    @Test func aProcessorThatAllMachinesHaveIsGivenBack() throws {
        var record = try suspend("abcd1234")
        let folder = SuspendedFolder("abcd1234", in: places)
        var machine = fixture.specification()
        (machine.accelerator, machine.processorModel) = (.kvm, PortableProcessor.ofHardware)
        record.guest = try .init(machine, credentials: "/c")
        try folder.write(record)
        let read = try library.record("abcd1234")
        #expect(read.guest.processorModel == PortableProcessor.ofHardware)
        let given = read.guest.specification(
            in: fixture.directory("abcd1234"), imagePath: "/i", home: nil, emulatorUser: nil)
        #expect(given.processorModel == PortableProcessor.ofHardware)
    }

    @Test(arguments: ["", "a b", "..", "../x", "abcd1234567890", "ABCD", ".abc", "a/b"])
    func oddNamesAreNoneOfOurs(_ name: String) throws {
        try suspend("abcd1234")
        try Folder.make("\(places.suspended)/a b")
        let error = #expect(throws: SuspendError.self) { _ = try library.id(name) }
        guard case .noSuch? = error else { return #expect(Bool(false), "\(String(describing: error))") }
        library.clearStale()
        #expect(Set(Folder.namesIfAny(in: places.suspended)) == ["abcd1234", "a b"])
    }

    @Test func itIsFoundByTheBeginningOfItsName() throws {
        try suspend("abcd1234")
        try suspend("abzz1234")
        #expect(try library.id("abc") == "abcd1234")
        let error = #expect(throws: SuspendError.self) { _ = try library.id("ab") }
        guard case .noSuch("ab", let near)? = error else { return #expect(Bool(false), "\(String(describing: error))") }
        #expect(near == ["abcd1234", "abzz1234"])
    }

    // MARK: What a killed session leaves

    @Test func whatASavingLeavesThatWasKilledIsRemovedOrCanBeStartedCold() throws {
        // Before its record.
        try Folder.make("\(places.suspended)/aaaa1111")
        try AtomicFile.write("x", to: "\(places.suspended)/aaaa1111/memory.zst")
        // Between both records: its disk is there.
        try suspend("bbbb1111", hasMemory: false)
        // The same of a kept machine, which has its disk itself.
        _ = try fixture.make("work")
        try suspend("cccc1111", machine: "work", hasMemory: false)
        library.clearStale()
        #expect(Folder.namesIfAny(in: places.suspended) == ["bbbb1111"])
        #expect(library.statuses(fixture.cache).first?.suspended?.problem?.contains("cold") == true)
        #expect(try fixture.library.hold("work").record.disk.layers.count == 1)
        let request = try library.request("bbbb1111", .memory)
        let error = #expect(throws: SuspendError.self) { _ = try ResumedGuest.take(request, places: places) }
        guard case .misfit(let misfit)? = error else { return #expect(Bool(false), "\(String(describing: error))") }
        #expect(misfit.session == "bbbb1111" && misfit.machine == nil)
        #expect(try ResumedGuest.take(try library.request("bbbb1111", .cold), places: places) != nil)
    }

    @Test func ofTwoThatResumeOneGetsIt() throws {
        try suspend("abcd1234")
        let directory = SessionDirectory(id: "abcd1234", places: places)
        try Folder.make(places.logs)
        for path in [directory.processLog, directory.rollbackFile] { try AtomicFile.write("before\n", to: path) }
        let request = try library.request("abcd1234", .memory)
        #expect(!Paths.allows([], directory.processLog) && !Paths.allows([], directory.rollbackFile))
        let first = try ResumedGuest.take(request, places: places)
        let error = #expect(throws: SuspendError.self) { _ = try ResumedGuest.take(request, places: places) }
        guard case .running("abcd1234")? = error else { return #expect(Bool(false), "\(String(describing: error))") }
        #expect(throws: SuspendError.self) { try library.forget("abcd1234", cache: fixture.cache) }
        // Its memory is used when it may run, and nothing is left when it does.
        try first?.useMemory()
        #expect(try library.record("abcd1234").memory == nil)
        try first?.finish(fixture.cache)
        #expect(library.ids() == [] && Folder.namesIfAny(in: places.suspended) == [])
    }

    // MARK: Machines and homes

    @Test func theDiskOfASuspendedMachineIsNotChanged() throws {
        _ = try fixture.make("work")
        try suspend("abcd1234", machine: "work")
        func expectRefused(_ body: () throws -> Void, _ location: SourceLocation = #_sourceLocation) {
            let error = #expect(throws: MachineError.self, sourceLocation: location) { try body() }
            #expect(error == .suspended("work", session: "abcd1234"), sourceLocation: location)
        }
        let machines = fixture.library
        expectRefused { try machines.snapshot("work", as: "s") }
        expectRefused { try machines.grow("work", to: 4 << 20) }
        expectRefused { try machines.clone("work", as: "other", cache: fixture.cache) }
        expectRefused { try machines.rename("work", to: "other", cache: fixture.cache) }
        expectRefused {
            _ = try SessionMachine(.started("work"), directory: fixture.directory("zzzz1234"), places: places)
        }
        let row = try #require(try machines.rows(cache: fixture.cache).first)
        #expect(row.suspended == "abcd1234" && row.state == .stopped)
        // Its own session gets it.
        _ = try SessionMachine(.started("work"), directory: fixture.directory("abcd1234"), places: places)
        // With the user's word the memory goes, and the disk stays.
        try machines.forgetMemory(of: "work", cache: fixture.cache)
        try machines.snapshot("work", as: "s")
        #expect(Folder.namesIfAny(in: places.suspended) == [])
        try suspend("abcd1234", machine: "work")
        try machines.forget("work", cache: fixture.cache)
        #expect(Folder.namesIfAny(in: places.suspended) == [])
    }

    @Test func theHomeOfASuspendedGuestIsNobodyElses() throws {
        try Folder.make(places.homes, mode: 0o700)
        try suspend("abcd1234", home: "h")
        let files = HomeFiles(try KeptName(argument: "h"), in: places.homes)
        let error = #expect(throws: HomeError.self) { _ = try HomeLock.take(files, for: "zzzz1234") }
        guard case .suspended(_, "abcd1234")? = error else {
            return #expect(Bool(false), "\(String(describing: error))")
        }
        _ = try HomeLock.take(files, for: "abcd1234")
        try library.forget("abcd1234", cache: fixture.cache)
        _ = try HomeLock.take(files, for: "zzzz1234")
    }

    // MARK: The cache

    @Test func whatItLiesOnStaysInTheCache() throws {
        let record = try suspend("abcd1234")
        library.pin(record, SuspendedFolder("abcd1234", in: places), fixture.cache)
        #expect(try fixture.cache.pins() == ["suspended/abcd1234"])
        #expect(SuspendedLibrary.session(ofPin: "suspended/abcd1234") == "abcd1234")
        #expect(SuspendedLibrary.session(ofPin: "suspended/../x") == nil)
        try fixture.cache.clearButMachines()
        #expect(try fixture.cache.pins() == ["suspended/abcd1234"])
        #expect(try library.bases().map(\.key.description) == ["test/debian@2026-11-30"])
        try library.forget("abcd1234", cache: fixture.cache)
        #expect(try fixture.cache.pins() == [])
        // Pins whose guest is gone go, and others come back.
        try suspend("bbbb1234")
        try fixture.cache.pin("suspended/aaaa1234", [])
        library.tidyPins(fixture.cache)
        #expect(try fixture.cache.pins() == ["suspended/bbbb1234"])
    }
}
