import BlockStore
import Catalog
import ContentAddress
import Curl
import GuestDomain
import ImageIndex
import Linux
import TestSupport
import Testing
import Vendors

@testable import Boot

/// What keeps machines from being lost or led astray: by power cuts, by killed sessions, by files that turn out wrong.
@Suite(.timeLimit(.minutes(2))) struct MachineSafetyTests {
    private let fixture: MachineFixture
    private var library: MachineLibrary { fixture.library }

    init() throws {
        fixture = try MachineFixture()
        withExtendedLifetime(try fixture.make("work")) {}
        fixture.directory("abc").removeDisk()
    }

    // MARK: UEFI variables

    private func giveVariables(_ change: (FileHandle) throws -> Void) throws -> (MachineFolder, String) {
        let folder = try library.folder("work")
        var record = try library.record("work")
        record.firmware = .uefi
        try folder.write(record)
        let path = folder.variables(record.disk.top)
        try change(try FileHandle(path, for: .both, .create, mode: 0o600))
        return (folder, path)
    }

    @Test func variablesOfAnotherProcessorsSizeAreCopiedWithTheirHoles() throws {
        let (folder, _) = try giveVariables { file in
            try file.truncate(to: 64 << 20)
            try [7, 8, 9].withBytes { (bytes) throws(SystemCallError) in try file.write(bytes, at: 1 << 20) }
        }
        try fixture.write("a", to: "work")
        try library.snapshot("work", as: "first")
        let path = try folder.variables(library.record("work").disk.top)
        let status = try #require(try Paths.status(path))
        #expect(status.size == 64 << 20 && status.allocated < 1 << 20)
        let (file, buffer) = (
            try FileHandle(path, for: .reading), UnsafeMutableRawBufferPointer.allocate(byteCount: 3, alignment: 1)
        )
        defer { buffer.deallocate() }
        _ = try file.read(into: buffer, at: 1 << 20)
        #expect(Array(buffer) == [7, 8, 9])
    }

    @Test(.enabled(if: GuestArchitecture.x86_64.firmware.isInstalled, "UEFI is not installed"))
    func variablesThatAPowerCutTookAreMadeAnewAndSaid() throws {
        let (_, path) = try giveVariables { _ in }
        for isThere in [true, false] {
            if !isThere { try Paths.remove(path) }
            let machine = try SessionMachine(
                .started("work"), directory: fixture.directory("abd"), places: fixture.places)
            let links = try machine.begin(fixture.specification(), home: nil, emulator: nil)
            #expect(links.hasLostVariables && machine.notes.count == 1, "\(machine.notes)")
            #expect(try Paths.status(path)?.size ?? 0 > 0)
            fixture.directory("abd").removeDisk()
            if isThere { try FileHandle(path, for: .both).truncate(to: 0) }
        }
    }

    // MARK: Sessions that were killed

    @Test func aMachineIsInUseUntilItsKilledSessionIsClearedAway() throws {
        let directory = fixture.directory("abc")
        try Folder.make(directory.path)
        for change in [
            { try library.snapshot("work", as: "s") }, { try library.forget("work", cache: fixture.cache) },
            { try library.clone("work", as: "b", cache: fixture.cache) },
            { _ = try SessionMachine(.started("work"), directory: fixture.directory("abd"), places: fixture.places) },
        ] as [() throws -> Void] {
            #expect(throws: MachineError.running("work", session: "abc")) { try change() }
        }
        SessionRegistry(places: fixture.places).clearStale()
        try library.snapshot("work", as: "s")
    }

    @Test func aDiskThatAQEMUHasLockedStillIsLeftAlone() throws {
        let emulator = try LockingQEMU(try library.folder("work").layer(library.record("work").disk.top))
        #expect(throws: MachineError.running("work", session: nil)) { try library.snapshot("work", as: "s") }
        #expect(throws: MachineError.running("work", session: nil)) {
            try library.forget("work", cache: fixture.cache)
        }
        emulator.end()
        try library.snapshot("work", as: "s")
    }

    // MARK: Files that turn out wrong

    private func onFile(_ name: String, _ image: VersionImage) throws {
        let machine = try SessionMachine(.new(name), directory: fixture.directory("abc"), places: fixture.places)
        machine.keep(MachineRecord.Identity.make(hostName: "tiny", user: "root"))
        let version = SessionImage(image: image, index: try image.index(), bootSet: [], ledger: nil)
        try machine.make(version, fixture.specification(), size: 1 << 20)
        _ = try machine.begin(fixture.specification(), home: nil, emulator: nil)
        try machine.finish(fixture.cache)
        fixture.directory("abc").removeDisk()
    }

    @Test func whatIsFoundWrongIsWrittenDownInEveryMachineOnIt() async throws {
        let (places, notes) = (fixture.places, VendorNotes(places: fixture.places))
        let vendor = try TinyVendor(in: fixture.folder, places: places)
        try vendor.list(["20261109", "20261116"])
        let image = try await vendor.systems.image(of: try await vendor.choose("2026-11-16"))
        let other = try await vendor.systems.image(of: try await vendor.choose("2026-11-09"))
        for name in ["one", "two"] { try onFile(name, image) }
        try onFile("three", other)
        // It was taken before, and its session does not look at the file.
        let late = try SessionMachine(.started("two"), directory: fixture.directory("abd"), places: places)
        try notes.noteWrong(try #require(image.file), reason: "its digest is another")
        #expect(throws: MachineError.self) { try late.begin(fixture.specification(), home: nil, emulator: nil) }
        for name in ["one", "two"] {
            #expect(try library.record(name).fault?.contains("its digest is another") == true)
        }
        #expect(try library.record("three").fault == nil && library.record("work").fault == nil)
        let error = #expect(throws: MachineError.self) {
            try SessionMachine(.started("one"), directory: fixture.directory("abe"), places: places)
        }
        guard case .baseWrong("one", _) = error else { throw FileFaults.Loss("\(String(describing: error))") }
        // A clone has read the same.
        try library.clone("one", as: "four", cache: fixture.cache)
        #expect(try library.record("four").fault != nil)
    }

    @Test func piecesThatNobodyKnowsAreNotHere() async throws {
        let (places, folder) = (fixture.places, fixture.folder)
        let cache = BlockCache(
            directory: try folder.makeFolder("pieces"), limit: .bytes(1 << 30), ledgers: places.ledgers)
        let vendor = try TinyVendor(in: folder, places: places)
        try vendor.list(["20261116"])
        let chosen = try await vendor.choose()
        let fetch = VersionFetch(places: places, systems: vendor.systems, cache: cache, transfers: TransferQueue())
        _ = try await fetch.run(chosen, .whole)
        let image = try await vendor.systems.image(of: chosen)
        try onFile("one", image)
        let one = try library.folder("one")
        #expect(try library.baseState(one.read(), one, cache)?.isWhole == true)
        try Folder.removeTree(places.ledgers.path)
        #expect(try library.baseState(one.read(), one, cache)?.here == 0)
        #expect(try !Paths.isThere(places.ledgers.path), "none is made by looking")
    }

    @Test func aCatalogOfTheSameNameIsAnotherOneUnlessItHasTheSameImage() throws {
        var base = try library.record("work").base
        let source = try CatalogSource(name: "test", location: "https://example.com/")
        func copy(_ source: CatalogSource, _ digest: String?) throws -> CatalogCopy {
            let chosen = try MachineFixture.chosen(size: 4096, digest: digest.flatMap { FileDigest($0) })
            return CatalogCopy(source: source, state: .fresh, document: chosen.document)
        }
        #expect(base.isOf(try copy(base.source, nil)))
        #expect(!base.isOf(try copy(source, nil)))
        let digest = "sha256:" + String(repeating: "a", count: 64)
        base.digest = digest
        #expect(base.isOf(try copy(source, digest)))
        #expect(!base.isOf(try copy(source, "sha256:" + String(repeating: "b", count: 64))))
    }

    // MARK: Exports

    @Test func whatAKilledExportLeftGoesAndAnothersStays() throws {
        let folder = fixture.folder
        let (dead, alive) = (".disk.qcow2.2147483000.abc.tmp", ".disk.qcow2.\(CurrentProcess.id).abc.tmp")
        let others = [alive, ".disk.qcow2.x.abc.tmp", ".disk2.qcow2.2147483000.abc.tmp", "disk.qcow2"]
        for name in [dead] + others { try folder.write([1] as [UInt8], to: name) }
        MachineExport.removeLeftovers(of: folder.path("disk.qcow2"))
        let left = Folder.namesIfAny(in: folder.path)
        #expect(!left.contains(dead))
        #expect(Set(others).isSubset(of: left))
    }
}
