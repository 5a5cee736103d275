import BlockStore
import Catalog
import GuestDomain
import ImageIndex
import Linux
import TestSupport
import Testing

@testable import Boot

@Suite(.timeLimit(.minutes(2))) struct MachineLibraryTests {
    private let fixture: MachineFixture
    private var library: MachineLibrary { fixture.library }

    init() throws { fixture = try MachineFixture() }

    private func withMachine(_ name: String = "work", _ body: () throws -> Void) throws {
        do { withExtendedLifetime(try fixture.make(name)) {} }
        fixture.directory("abc").removeDisk()
        try body()
    }

    @Test(arguments: [
        "", ".", "..", "-a", ".hidden", "a b", "a/b", "../x", "a\u{0}", "ü", "a\n", String(repeating: "a", count: 65),
    ])
    func aNameThatCouldLeadSomewhereElseIsRefused(_ name: String) throws {
        #expect(throws: MachineError.self) { try library.checkIsFree(name) }
        try withMachine {
            #expect(throws: MachineError.self) { try library.rename("work", to: name, cache: fixture.cache) }
            #expect(throws: MachineError.self) { try library.clone("work", as: name, cache: fixture.cache) }
            #expect(throws: MachineError.self) { try library.snapshot("work", as: name) }
            let names = try library.names()
            #expect(names == ["work"])
        }
    }

    @Test func namesWithDotsAndBothCasesAreFine() throws {
        for name in ["a", "Debian-13.2_work", "2", String(repeating: "a", count: 64)] {
            try library.checkIsFree(name)
        }
    }

    @Test func aMachineHasItsNameOnlyWhenItsGuestRuns() throws {
        let machine = try SessionMachine(.new("work"), directory: fixture.directory("abc"), places: fixture.places)
        #expect(try library.names() == [])
        machine.removeUnfinished()
        #expect(try Folder.names(in: fixture.places.machines) == [])
        let made = try fixture.make("work")
        #expect(try library.names() == ["work"])
        made.removeUnfinished()
        #expect(try library.names() == ["work"], "one that has its name stays")
        // Another session wanted the same name.
        #expect(throws: MachineError.self) { try fixture.make("work", session: "abe") }
    }

    @Test func twoStartsOfOneMachineAreRefusedWithTheSession() throws {
        let first = try fixture.make("work")
        do {
            _ = try SessionMachine(.started("work"), directory: fixture.directory("abd"), places: fixture.places)
            Issue.record("it started twice")
        } catch {
            guard case .running("work", session: "abc") = error else { throw error }
        }
        for change in [
            { try library.snapshot("work", as: "s") }, { try library.clone("work", as: "b", cache: fixture.cache) },
            { try library.rename("work", to: "b", cache: fixture.cache) }, { try library.grow("work", to: 1 << 30) },
            { try library.forget("work", cache: fixture.cache) },
        ] as [() throws -> Void] {
            #expect(throws: MachineError.self) { try change() }
        }
        #expect(try library.rows(cache: fixture.cache).map(\.session) == ["abc"])
        withExtendedLifetime(first) {}
    }

    @Test func whatAGuestWroteIsThereAtItsNextStart() throws {
        try withMachine {
            try fixture.write("x", to: "work")
            #expect(try fixture.read("work") == "x")
            try fixture.write("y", to: "work")
            #expect(try fixture.read("work") == "y")
            #expect(try library.record("work").disk.chain.count == 1)
        }
    }

    @Test func clearingUpAfterADeadSessionLeavesTheMachinesDisk() throws {
        try withMachine {
            try fixture.write("x", to: "work")
            let machine = try SessionMachine(
                .started("work"), directory: fixture.directory("abd"), places: fixture.places)
            let links = try machine.begin(fixture.specification(), home: nil, emulator: nil)
            #expect(try Paths.isThere(links.overlay))
            SessionRegistry(places: fixture.places).clearStale()
            // Of before the machine's last start: a power cut.
            try Paths.setTimes(links.overlay, seconds: 1)
            SessionRegistry(places: fixture.places).clearStale()
            #expect(try !Paths.isThere(links.overlay))
            #expect(try fixture.read("work") == "x")
            withExtendedLifetime(machine) {}
        }
    }

    @Test func snapshotsGoBackAndForth() throws {
        try withMachine {
            try fixture.write("a", to: "work")
            try library.snapshot("work", as: "first")
            #expect(try fixture.read("work") == "a")
            try fixture.write("b", to: "work")
            try library.snapshot("work", as: "second")
            try fixture.write("c", to: "work")
            #expect(throws: MachineError.snapshotExists(machine: "work", "first")) {
                try library.snapshot("work", as: "first")
            }
            try library.revert("work", to: "first", keeping: "third")
            #expect(try fixture.read("work") == "a")
            #expect(try library.record("work").disk.snapshots.map(\.name) == ["first", "second", "third"])
            try library.revert("work", to: "third")
            #expect(try fixture.read("work") == "c")
            try library.revert("work", to: "second")
            #expect(try fixture.read("work") == "b")
            #expect(throws: MachineError.noSuchSnapshot(machine: "work", "frist", near: ["first"])) {
                try library.revert("work", to: "frist")
            }
            for name in ["first", "third"] { try library.removeSnapshot(name, of: "work") }
            #expect(try fixture.read("work") == "b", "what the disk lies on stays")
            let record = try library.record("work")
            let files = try Folder.names(in: library.folder("work").layers)
            #expect(files.count == record.disk.layers.count, "no layer is left that nothing needs")
            #expect(record.disk.layers.count == 3)
        }
    }

    @Test func aSnapshotOfWhatHasNotChangedCostsNoLayer() throws {
        try withMachine {
            try fixture.write("a", to: "work")
            for name in ["one", "two", "three"] { try library.snapshot("work", as: name) }
            let disk = try library.record("work").disk
            #expect(disk.layers.count == 2)
            #expect(Set(disk.snapshots.map(\.layer)).count == 1)
        }
    }

    @Test func aCloneHasTheDiskAndAnIdentityOfItsOwn() throws {
        try withMachine {
            try fixture.write("a", to: "work")
            try library.snapshot("work", as: "s")
            try fixture.write("b", to: "work")
            try library.clone("work", as: "other", cache: fixture.cache)
            #expect(try fixture.read("other") == "b")
            try fixture.write("c", to: "other")
            #expect(try fixture.read("work") == "b")
            try fixture.write("d", to: "work")
            #expect(try fixture.read("other") == "c")
            let (old, new) = (try library.record("work"), try library.record("other"))
            #expect(old.identity.mac != new.identity.mac && old.identity.uuid != new.identity.uuid)
            #expect(old.identity.instanceID != new.identity.instanceID)
            #expect(new.disk.snapshots.isEmpty && new.lastStarted != nil)
            #expect(throws: MachineError.exists("work")) {
                try library.clone("other", as: "work", cache: fixture.cache)
            }
            // What both have counts for both, and is said.
            let rows = try library.rows(cache: fixture.cache)
            #expect(rows.allSatisfy { $0.shared > 0 && $0.shared < $0.used }, "\(rows)")
            try library.forget("work", cache: fixture.cache)
            #expect(try fixture.read("other") == "c")
            #expect(try library.rows(cache: fixture.cache).map(\.shared) == [0])
        }
    }

    @Test func aDiskOnlyGrowsAndASnapshotHasItsOwnSize() throws {
        try withMachine {
            try fixture.write("a", to: "work")
            try library.snapshot("work", as: "small")
            try library.grow("work", to: 3 << 20)
            #expect(try library.record("work").disk.size == 3 << 20)
            #expect(try fixture.read("work") == "a")
            for size in [0, 512, 3 << 20, (3 << 20) - 1] as [UInt64] {
                #expect(throws: MachineError.self) { try library.grow("work", to: size) }
            }
            #expect(throws: MachineError.self) { try library.grow("work", to: .max) }
            // What was written since stays, too.
            try fixture.write("b", to: "work")
            try library.grow("work", to: 4 << 20)
            #expect(try fixture.read("work") == "b")
            #expect(try library.record("work").disk.chain.map(\.size) == [4 << 20, 3 << 20, 1 << 20])
            try library.revert("work", to: "small")
            #expect(try library.record("work").disk.size == 1 << 20)
        }
    }

    @Test func aDiskHasABoundedNumberOfLayers() throws {
        try withMachine {
            var record = try library.record("work")
            let folder = try library.folder("work")
            for _ in 1..<MachineRecord.Disk.mostLayers {
                let id = MachineRecord.Disk.newID()
                try Paths.addName(folder.layer(id), of: folder.layer(record.disk.top))
                record.disk.put(id, on: record.disk.top, size: record.disk.size)
            }
            record.disk.isTopEmpty = false
            try folder.write(record)
            #expect(throws: MachineError.tooManyLayers(machine: "work", most: 64)) {
                try library.snapshot("work", as: "s")
            }
            #expect(try library.record("work").disk == record.disk)
        }
    }

    @Test func aRenamedMachineIsTheSame() throws {
        try withMachine {
            try fixture.write("a", to: "work")
            let before = try library.record("work")
            try library.rename("work", to: "play", cache: fixture.cache)
            #expect(try library.names() == ["play"])
            #expect(try library.record("play") == before)
            #expect(try fixture.cache.pins() == ["machines/play"])
            #expect(throws: MachineError.noSuchMachine("work", near: [])) {
                try library.rename("work", to: "x", cache: fixture.cache)
            }
        }
    }

    @Test func itsBaseIsPinnedInItsNameAlone() throws {
        try withMachine {
            #expect(try fixture.cache.pins() == ["machines/work"])
            for position in [0, 1, 3] {
                let contents = fixture.image.contents[position]
                let bytes = BlockBytes(length: contents.count) { $0.copyBytes(from: contents) }
                fixture.cache.store(fixture.image.ids[position], bytes)
            }
            #expect(try library.rows(cache: fixture.cache).first?.base?.percent == 100)
            try fixture.cache.prune(to: 0)
            try fixture.cache.clearButMachines()
            #expect(try fixture.cache.remove(Set(fixture.image.ids)) == 0)
            #expect(try library.rows(cache: fixture.cache).first?.base?.isWhole == true)
            // A pin that was lost comes back, and one of nobody's goes.
            try fixture.cache.unpin("machines/work")
            try fixture.cache.pin("machines/gone", fixture.image.ids)
            _ = try library.rows(cache: fixture.cache)
            #expect(try fixture.cache.pins() == ["machines/work"])
            try library.forget("work", cache: fixture.cache)
            #expect(try fixture.cache.pins() == [])
            #expect(try fixture.cache.prune(to: 0) > 0)
        }
    }

    @Test func whatChangesLeftIsRemovedAndWhatIsBeingMadeIsNot() throws {
        let machine = try SessionMachine(.new("work"), directory: fixture.directory("abc"), places: fixture.places)
        let old = "\(fixture.places.machines)/\(MachineFolder.unfinished)old"
        for path in [old, "\(fixture.places.machines)/\(MachineFolder.forgotten)abc"] {
            try Folder.make("\(path)/layers")
        }
        for path in [old, machine.folder.path] { try Paths.setTimes(path, seconds: 1000) }
        library.clearStale()
        #expect(try Folder.names(in: fixture.places.machines) == ["\(MachineFolder.unfinished)abc"])
        withExtendedLifetime(machine) {}
    }
}
