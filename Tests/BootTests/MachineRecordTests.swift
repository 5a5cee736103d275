import Catalog
import ContentAddress
import Curl
import Linux
import TestSupport
import Testing

@testable import Boot

/// What is written down of machines, as it may be found: cut off, changed, of a later release.
@Suite(.timeLimit(.minutes(2))) struct MachineRecordTests {
    private let fixture: MachineFixture
    private var library: MachineLibrary { fixture.library }

    init() throws {
        fixture = try MachineFixture()
        for name in ["work", "other"] { withExtendedLifetime(try fixture.make(name)) {} }
        fixture.directory("abc").removeDisk()
    }

    private var text: String {
        get throws { try FileContents.readText(library.folder("work").record, limit: 1 << 20) }
    }

    private func replace(_ text: String) throws {
        try AtomicFile.write(text, to: library.folder("work").record)
    }

    /// The machine cannot be used, the other one can, and nothing is removed.
    private func expectUnusable(_ text: String) throws {
        try replace(text)
        let files = fixture.folder.files(below: "state")
        #expect(throws: MachineError.self) { try library.record("work") }
        #expect(throws: MachineError.self) { try library.snapshot("work", as: "s") }
        #expect(throws: MachineError.self) {
            try SessionMachine(.started("work"), directory: fixture.directory("abd"), places: fixture.places)
        }
        let rows = try library.rows(cache: fixture.cache)
        #expect(rows.map(\.name) == ["other", "work"])
        #expect(rows[0].state == .stopped && rows[0].problem == nil)
        #expect(rows[1].state == .unusable && rows[1].problem?.contains("record.json") == true, "\(rows[1])")
        #expect(fixture.folder.files(below: "state") == files)
    }

    @Test func aRecordThatWasCutOffIsSaidAndTheOthersGoOn() throws {
        let whole = try text
        for count in [0, 1, whole.count / 2, whole.count - 2] { try expectUnusable(String(whole.prefix(count))) }
        try expectUnusable("null")
        try expectUnusable(#"{"format":1}"#)
        try expectUnusable(String(repeating: "[", count: 100_000))
        try expectUnusable(String(repeating: " ", count: 2 << 20))
        try replace(whole)
        #expect(try library.rows(cache: fixture.cache).allSatisfy { $0.problem == nil })
    }

    @Test func aRecordThatLeadsOutOfTheFolderIsRefused() throws {
        let whole = try text
        let record = try library.record("work")
        for (old, new) in [
            (record.disk.top, "../../../x.."), (record.disk.top, "/etc/passwd"), (record.identity.mac, "a,b=c"),
            (record.identity.uuid, "'/><x"), ("\"sectorSize\" : 512", "\"sectorSize\" : 7"),
            ("\"distribution\" : \"debian\"", "\"distribution\" : \"../debian\""),
            ("\"user\" : \"root\"", "\"user\" : \"root\\nfoo: bar\""),
        ] {
            #expect(whole.contains(old))
            let changed = whole.split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
            try expectUnusable(changed)
        }
    }

    @Test func layersThatLieOnEachOtherInACircleAreRefused() throws {
        var record = try library.record("work")
        let other = MachineRecord.Disk.newID()
        record.disk.layers.append(
            .init(id: other, parent: record.disk.top, size: 1 << 20, created: .now))
        record.disk.layers[0].parent = other
        #expect(record.faultOfContents != nil)
        record.disk.layers[0].parent = MachineRecord.Disk.newID()
        #expect(record.faultOfContents != nil, "a layer that is not there")
    }

    @Test func aRecordOfALaterReleaseIsNotTouched() throws {
        let changed = try text.split(separator: "\"format\" : 1", omittingEmptySubsequences: false)
            .joined(separator: "\"format\" : 2")
        try replace(changed)
        #expect(throws: MachineError.newer("work", format: 2)) { try library.record("work") }
        #expect(throws: MachineError.newer("work", format: 2)) { try library.grow("work", to: 1 << 30) }
        let row = try #require(try library.rows(cache: fixture.cache).last)
        #expect(row.problem?.contains("newer") == true)
        #expect(try text == changed)
        // Forgetting it needs no record.
        try library.forget("work", cache: fixture.cache)
        #expect(try library.names() == ["other"])
    }

    @Test func keysThatALaterReleaseAddsAreNoReasonToRefuseIt() throws {
        let whole = try text
        try replace("{\"later\":[1,{}]," + whole.dropFirst())
        #expect(try library.record("work").base.distribution == "debian")
    }

    @Test func anotherIndexIsRefused() throws {
        try AtomicFile.write("something else", to: library.folder("work").index)
        #expect(throws: MachineError.self) {
            try SessionMachine(.started("work"), directory: fixture.directory("abd"), places: fixture.places)
        }
        #expect(try FileContents.readText(fixture.image.indexPath, limit: 1 << 20) != "something else")
    }

    @Test func aLayerThatNamesAnotherFileIsRefused() throws {
        let path = try library.folder("work").layer(library.record("work").disk.top)
        try MachineLayer.check(path, of: "work")
        let whole = try FileContents.read(path, limit: 1 << 20)
        func expectRefused(_ offset: Int, _ bytes: [UInt8]) throws {
            var changed = whole
            changed.replaceSubrange(offset..<offset + bytes.count, with: bytes)
            try AtomicFile.write(changed, to: path)
            #expect(throws: MachineError.self, "\(offset)") { try MachineLayer.check(path, of: "work") }
            #expect(throws: MachineError.self) {
                try SessionMachine(.started("work"), directory: fixture.directory("abd"), places: fixture.places)
            }
        }
        try expectRefused(0, [0])
        // What lies below it; version 2; a file for its data; found damaged.
        try expectRefused(15, [1])
        try expectRefused(7, [2])
        try expectRefused(79, [4])
        try expectRefused(79, [2])
        try AtomicFile.write(Array(whole.prefix(50)), to: path)
        #expect(throws: MachineError.self) { try MachineLayer.check(path, of: "work") }
        Paths.removeIfPossible(path)
        #expect(throws: MachineError.self) { try MachineLayer.check(path, of: "work") }
        try Paths.makeLink(path, to: "/etc/passwd")
        #expect(throws: MachineError.self) { try MachineLayer.check(path, of: "work") }
    }

    @Test func anotherImageUnderTheSameNameIsRefusedUnlessAllOfTheOldOneIsHere() throws {
        func digest(_ letter: Character) -> FileDigest? { FileDigest("sha256:" + String(repeating: letter, count: 64)) }
        var base = try library.record("work").base
        base.digest = digest("a")?.description
        func copy(_ letter: Character?) throws -> CatalogCopy {
            let chosen = try MachineFixture.chosen(size: 4096, digest: letter.flatMap(digest))
            return CatalogCopy(source: chosen.source, state: .fresh, document: chosen.document)
        }
        try base.check(try copy("a"), name: "work", isWhole: false)
        try base.check(try copy(nil), name: "work", isWhole: false)
        try base.check(nil, name: "work", isWhole: false)
        try base.check(try copy("b"), name: "work", isWhole: true)
        #expect(throws: MachineError.self) { try base.check(try copy("b"), name: "work", isWhole: false) }
    }

    @Test func whatWasWrongDoesNotStart() throws {
        let machine = try SessionMachine(.started("work"), directory: fixture.directory("abd"), places: fixture.places)
        machine.condemn("its digest is another")
        do { withExtendedLifetime(machine) {} }
        let row = try #require(try library.rows(cache: fixture.cache).last)
        #expect(row.state == .unusable && row.problem == "its digest is another")
    }
}
