import BlockStore
import ContentAddress
import GuestDomain
import Linux
import TestSupport
import Testing

@testable import Boot

/// Where warm states are kept, without guests.
@Suite struct WarmLibraryTests {
    private let fixture: WarmFixture
    private var library: WarmLibrary { fixture.library }

    init() throws { fixture = try WarmFixture() }

    private func misfit(_ machine: GuestSpecification = WarmFixture.machine()) -> String? {
        guard case .misfit(let reason) = library.find(WarmFixture.needs(machine)) else { return nil }
        return reason
    }

    private var isEmpty: Bool {
        guard case .none = library.find(WarmFixture.needs()) else { return false }
        return true
    }

    /// Names in `CACHE/warm`.
    private var names: [String] { TemporaryDirectory.names(library.path) }

    private func give(_ state: WarmState, _ machine: GuestSpecification = WarmFixture.machine()) throws
        -> GuestSpecification
    {
        var guest = machine
        guest.seed?.diskPath = fixture.folder.path("seed")
        try state.giveDisk(to: &guest, in: fixture.directory(), size: 1 << 20, emulator: nil)
        return guest
    }

    // MARK: Made and found

    @Test func aStateIsFoundByThoseWhoNeedIt() throws {
        #expect(isEmpty && library.rows().isEmpty && library.versions().isEmpty && library.bytes() == 0)
        let record = try fixture.make()
        let state = try #require(fixture.found())
        #expect(state.record == record)
        #expect(try fixture.fed(state) == WarmFixture.memory)
        let guest = try give(state)
        let layer = try #require(guest.layers.first)
        #expect(guest.layers.count == 1 && guest.overlayPath == fixture.directory().overlay)
        #expect(try FileContents.readText(layer, limit: 64) == "disk")
        #expect(try Paths.status(layer)?.permissions == 0o444)
        #expect(try Paths.status(layer)?.names == 2)
        fixture.directory().removeDisk()
        #expect(TemporaryDirectory.names(fixture.places.overlays).isEmpty)
        // What the session had was another name.
        #expect(fixture.found() != nil)
        #expect(library.versions() == [WarmFixture.version])
        let row = try #require(library.rows().first)
        #expect(row.memoryMiB == 256 && row.isUsable && row.size > 3000 && library.bytes() >= row.size)
        #expect(WarmLibrary(cache: fixture.folder.path("other")).versions().isEmpty)
    }

    @Test func firmwareAndSeedAreGivenToo() throws {
        let machine = WarmFixture.machine(firmware: .uefi, hasSeed: true)
        try fixture.make(machine)
        let state = try #require(fixture.found(machine))
        let directory = fixture.directory()
        try Folder.make(directory.path, mode: 0o700)
        let guest = try give(state, machine)
        #expect(guest.hasVariables && guest.nvramPath == directory.nvram)
        #expect(try FileContents.readText(directory.nvram, limit: 64) == "variables")
        #expect(try FileContents.readText(fixture.folder.path("seed"), limit: 64) == "seed")
    }

    @Test func nobodyElseMayLookAtIt() throws {
        try fixture.make()
        let folder = fixture.path()
        #expect(try Paths.status(library.path)?.permissions == 0o700)
        #expect(try Paths.status(folder.path)?.permissions == 0o700)
        #expect(try Paths.status(folder.memory)?.permissions == 0o600)
        #expect(try Paths.status(folder.record)?.permissions == 0o600)
        #expect(names == [folder.key])
    }

    @Test func whatIsOpenCanBeUsedWhateverBecomesOfItsFiles() throws {
        let record = try fixture.make()
        let state = try #require(fixture.found())
        try Folder.removeTree(fixture.path().path)
        #expect(try fixture.fed(state) == WarmFixture.memory)
        let guest = try give(state)
        #expect(try FileContents.readText(try #require(guest.layers.first), limit: 64) == "disk")
        fixture.directory().removeDisk()
        // Another one in its place is not mixed up with it.
        try fixture.make(memory: [1, 2, 3])
        try AtomicFile.write("other", to: fixture.path().overlay)
        #expect(try fixture.fed(state) == WarmFixture.memory && state.record == record)
        #expect(try FileContents.readText(try #require(try give(state).layers.first), limit: 64) == "disk")
    }

    // MARK: Changed or cut

    @Test func memoryThatWasChangedOrCutDoesNotFit() throws {
        try fixture.make()
        let path = fixture.path().memory
        let whole = try FileContents.read(path, limit: 1 << 24)
        var flipped = whole
        flipped[whole.count / 2] ^= 1
        for bytes in [[], Array(whole.dropLast()), whole + [0], flipped] {
            try AtomicFile.write(bytes, to: path, mode: 0o600)
            let state = try #require(fixture.found())
            #expect(throws: WarmError.self) { _ = try fixture.fed(state) }
        }
    }

    @Test func filesThatAreNotTheTemplatesDoNotFit() throws {
        let machine = WarmFixture.machine(firmware: .uefi, hasSeed: true)
        try Folder.make(fixture.directory().path, mode: 0o700)
        for file in [WarmFolder.overlayName, WarmFolder.variablesName, WarmFolder.seedName] {
            try fixture.make(machine)
            try AtomicFile.write("else", to: "\(fixture.path(machine).path)/\(file)", mode: 0o600)
            let state = try #require(fixture.found(machine))
            Paths.removeIfPossible(fixture.folder.path("seed"))
            #expect(throws: WarmError.self, "\(file)") { _ = try give(state, machine) }
            fixture.directory().removeDisk()
        }
    }

    @Test func oneThatDoesNotFitIsSaidAndMadeAgain() throws {
        try fixture.make()
        let key = fixture.path().key
        let text = try FileContents.readText(fixture.path().record, limit: 1 << 20)
        for changed in [
            text.replacing("\"xmlVersion\" : \(DomainXML.version)", with: "\"xmlVersion\" : 0"),
            text.replacing("\"memoryMiB\" : 256", with: "\"memoryMiB\" : 255"),
            text.replacing("\"major\" : 7", with: "\"major\" : 8"),
            text.replacing("\"accelerator\" : \"tcg\"", with: "\"accelerator\" : \"kvm\""),
        ] {
            #expect(changed != text)
            try AtomicFile.write(changed, to: fixture.path().record)
            #expect(misfit() != nil, "\(changed.prefix(20))")
            #expect(!library.isUsable(key) && library.versions().isEmpty)
            // Put back, or made for what the machine is now, it fits.
            try AtomicFile.write(text, to: fixture.path().record)
            #expect(fixture.found() != nil)
            #expect(library.isUsable(key) && library.versions() == [WarmFixture.version])
        }
        try AtomicFile.write(text.replacing("\"major\" : 7", with: "\"major\" : 8"), to: fixture.path().record)
        #expect(misfit() != nil)
        try fixture.make()
        #expect(library.isUsable(key))
    }

    @Test func whatIsDamagedIsRemovedAndSaid() throws {
        try fixture.make()
        let text = try FileContents.readText(fixture.path().record, limit: 1 << 20)
        for changed in ["", "{}", text.replacing("\"machine\" : \"pc-q35-7.2\"", with: "\"machine\" : 7")] {
            #expect(changed != text)
            try AtomicFile.write(changed, to: fixture.path().record)
            #expect(misfit() != nil, "\(changed.prefix(20))")
            #expect(names == [])
            try fixture.make()
        }
        for file in [WarmFolder.memoryName, WarmFolder.overlayName, WarmFolder.recordName] {
            try Paths.remove("\(fixture.path().path)/\(file)")
            #expect(misfit()?.contains("missing") == true, "\(file)")
            #expect(names == [])
            try fixture.make()
            // Nor is a link followed.
            try Paths.remove("\(fixture.path().path)/\(file)")
            try Paths.makeLink("\(fixture.path().path)/\(file)", to: "/etc/hostname")
            #expect(misfit() != nil, "\(file)")
            #expect(names == [])
            try fixture.make()
        }
    }

    @Test func aNewerReleasesStateStaysAndIsNotUsed() throws {
        try fixture.make()
        let text = try FileContents.readText(fixture.path().record, limit: 1 << 20)
        try AtomicFile.write(text.replacing("\"format\" : 1", with: "\"format\" : 2"), to: fixture.path().record)
        #expect(misfit()?.contains("newer") == true)
        #expect(names == [fixture.path().key])
    }

    // MARK: Failures

    @Test func threeFailuresInARowRemoveIt() throws {
        try fixture.make()
        let state = try #require(fixture.found())
        for _ in 0..<4 {
            library.settle(state, .failed)
            library.settle(try #require(fixture.found()), .failed)
            #expect(fixture.found() != nil)
            library.settle(state, .woke)
        }
        for _ in 0..<3 { library.settle(try #require(fixture.found()), .failed) }
        #expect(isEmpty)
        // Nobody makes it again unasked.
        #expect(library.tried(state.folder.key, nil)?.contains("3 times") == true)
        // That says nothing of the publisher's.
        #expect(library.tried(state.record.ownName, nil) == nil)
        // One that is gone is not counted.
        library.settle(state, .failed)
        #expect(isEmpty && names == ["tried"])
    }

    @Test func oneThatIsDamagedIsRemovedAtOnceAndMayBeMadeAgain() throws {
        try fixture.make()
        let state = try #require(fixture.found())
        library.settle(state, .damaged)
        #expect(isEmpty && names == [] && library.tried(state.folder.key, nil) == nil)
    }

    @Test func whateverFailsCountsButAnEndThatSomebodyWanted() {
        #expect(WarmLibrary.Outcome(of: CancellationError()) == nil)
        #expect(WarmLibrary.Outcome(of: WakeFailure(reason: "x")) == .failed)
        #expect(WarmLibrary.Outcome(of: WakeFailure(reason: "x", isDamaged: true)) == .damaged)
        #expect(WarmLibrary.Outcome(of: WakeFailure(reason: "x", isLate: true)) == .failed)
        // The machine may be to blame.
        #expect(WarmLibrary.Outcome(of: WakeFailure(reason: "x", isLate: true), isCrowded: true) == nil)
        #expect(WarmLibrary.Outcome(of: WakeFailure(reason: "x"), isCrowded: true) == .failed)
        #expect(WarmLibrary.Outcome(of: SystemCallError(.noSpace, call: "write")) == .failed)
    }

    @Test func aFolderThatOthersCouldEnterIsNotUsed() throws {
        try fixture.make()
        for permissions: FilePermissions in [0o770, 0o701, 0o755] {
            try Paths.setPermissions(library.path, permissions)
            #expect(misfit()?.contains("remove that folder") == true, "\(permissions)")
            #expect(library.rows().isEmpty && library.versions().isEmpty)
            #expect(throws: SystemCallError.self) { _ = try library.begin(WarmFixture.needs().key) }
            #expect(throws: SystemCallError.self) { _ = try library.takeTurn() }
            library.noteTried("x", "why", nil)
        }
        try Paths.setPermissions(library.path, 0o700)
        #expect(fixture.found() != nil && names == [fixture.path().key])
        // Root owns it; where this user is root, it is not a folder.
        try Folder.removeTree(library.path)
        try Paths.makeLink(library.path, to: CurrentUser.isRoot ? "/etc/hostname" : "/root")
        #expect(throws: SystemCallError.self) { _ = try library.begin(WarmFixture.needs().key) }
        #expect(fixture.found() == nil)
    }

    @Test func startsAtTheSameTimeFailOnce() throws {
        try fixture.make()
        let states = try (0..<5).map { _ in try #require(fixture.found()) }
        for state in states { library.settle(state, .failed) }
        #expect(library.failures(states[0].folder) == 1 && fixture.found() != nil)
        // One of them woke, and another one had been found before.
        let late = try #require(fixture.found())
        library.settle(late, .failed)
        let last = try #require(fixture.found())
        library.settle(late, .woke)
        library.settle(last, .failed)
        #expect(library.failures(last.folder) == 1 && fixture.found() != nil)
    }

    @Test func whatWasTriedHoldsForThisQEMUAndThisRelease() throws {
        let old = MemoryOrigin.EmulatorVersion(major: 7, minor: 2, micro: 22)
        library.noteTried("x", "why", old)
        #expect(library.tried("x", old) == "why" && library.tried("x", nil) == "why")
        #expect(library.tried("x", .init(major: 10, minor: 0, micro: 0)) == nil)
        let path = "\(library.path)/tried/x"
        let text = try FileContents.readText(path, limit: 4096)
        let version = "\"xmlVersion\":\(DomainXML.version)"
        #expect(text.contains(version))
        try AtomicFile.write(text.replacing(version, with: "\"xmlVersion\":0"), to: path, mode: 0o600)
        #expect(library.tried("x", old) == nil)
        // As an earlier release wrote it.
        try AtomicFile.write("why\n", to: path, mode: 0o600)
        #expect(library.tried("x", old) == nil)
    }

    // MARK: Making

    @Test func whatIsNotFinishedIsNobodys() throws {
        let key = WarmFixture.needs().key
        let state = try #require(try library.begin(key))
        let record = try WarmFixture.fill(state, in: fixture.folder)
        #expect(isEmpty && library.rows().isEmpty && library.bytes() > 3000)
        // Two at once make two, or one: not one of both.
        #expect(try library.begin(key) == nil)
        library.clearStale()
        #expect(names == [".\(key).new"])
        #expect(library.makeRoom(.max) == 0)
        state.discard()
        #expect(names == [])
        let next = try #require(try library.begin(key))
        // What the first maker does now is not the second's.
        state.discard()
        _ = try WarmFixture.fill(next, in: fixture.folder)
        try next.finish(record)
        #expect(fixture.found() != nil)
        next.discard()
        #expect(fixture.found() != nil)
    }

    @Test func whatAMakerLeftThatWasKilledIsRemoved() throws {
        let key = WarmFixture.needs().key
        do {
            let state = try #require(try library.begin(key))
            _ = try WarmFixture.fill(state, in: fixture.folder)
        }
        try Folder.make("\(library.path)/.\(key).gone", mode: 0o700)
        try Folder.make("\(library.path)/.other", mode: 0o700)
        #expect(names.count == 3)
        library.clearStale()
        #expect(names == [".other"])
        // A maker that is about to take its lock is not disturbed; one that has died before it is.
        try Folder.make("\(library.path)/.\(key).new", mode: 0o700)
        library.clearStale()
        #expect(names.contains(".\(key).new"))
        try Paths.setTimes("\(library.path)/.\(key).new", seconds: WallClock.seconds - 100)
        #expect(try library.begin(key) != nil)
    }

    @Test func aVersionHasTwoAtMostAndTheOldestGoes() throws {
        let machines = [256, 512, 1024].map { WarmFixture.machine(memoryMiB: $0) }
        for (number, machine) in machines.prefix(2).enumerated() {
            try fixture.make(machine)
            try Paths.setTimes(fixture.path(machine).lock, seconds: 1_000_000 + number)
        }
        let other = VersionKey(catalog: "test", distribution: "debian", version: "2026-11-23")
        let image = WarmRecord.Image(indexDigest: WarmFixture.image.indexDigest, digest: nil)
        try fixture.make(version: other, image: image)
        // It is used: the other one is the older now.
        #expect(fixture.found(machines[0]) != nil)
        try fixture.make(machines[2])
        #expect(fixture.found(machines[0]) != nil && fixture.found(machines[1]) == nil)
        #expect(fixture.found(machines[2]) != nil)
        #expect(library.versions() == [WarmFixture.version, other])
    }

    @Test func aNewOneTakesTheOldOnesPlace() throws {
        try fixture.make(memory: [1])
        let before = try #require(fixture.found())
        try fixture.make(memory: [2])
        #expect(try fixture.fed(try #require(fixture.found())) == [2])
        #expect(try fixture.fed(before) == [1])
        #expect(names == [fixture.path().key])
    }

    @Test func oneTemplateBootsAtATime() throws {
        var turn = try library.takeTurn()
        #expect(turn != nil)
        #expect(try library.takeTurn() == nil)
        turn = nil
        #expect(try library.takeTurn() != nil)
        withExtendedLifetime(turn) {}
    }

    // MARK: The cache

    private func cache(limit: Int, _ image: TestBlocks) -> BlockCache {
        BlockCache(directory: fixture.folder.path("cache"), limit: .bytes(limit), neighbour: library)
    }

    @Test func statesCountInTheLimitAndGoBeforeBlocks() throws {
        let blocks = TestBlocks()
        try fixture.make()
        let machine = WarmFixture.machine(memoryMiB: 512)
        try fixture.make(machine)
        try Paths.setTimes(fixture.path(machine).lock, seconds: 1_000_000)
        let taken = library.bytes()
        let limit = taken + 3 * TestBlocks.length
        let cache = cache(limit: limit, blocks)
        for number in 0..<2 { cache.store(blocks.ids[number], try blocks.bytes(number)) }
        #expect(try cache.status().used == taken + 2 * TestBlocks.length)
        #expect(cache.hasRoom(for: TestBlocks.length) && !cache.hasRoom(for: 2 * TestBlocks.length))
        for number in 2..<4 { cache.store(blocks.ids[number], try blocks.bytes(number)) }
        // The one that was used longest ago is enough; no block went.
        #expect(blocks.ids.prefix(4).allSatisfy(cache.contains))
        #expect(fixture.found() != nil && fixture.found(machine) == nil)
        let left = library.bytes()
        #expect(try cache.prune(to: 4 * TestBlocks.length + left) == 0)
        #expect(try cache.prune(to: 2 * TestBlocks.length) == left + 2 * TestBlocks.length)
        #expect(isEmpty && blocks.ids.filter(cache.contains).count == 2)
    }

    @Test func clearingTheCacheRemovesThem() throws {
        let blocks = TestBlocks()
        let cache = cache(limit: 1 << 30, blocks)
        try fixture.make()
        library.noteTried("x", "why", nil)
        let state = try #require(fixture.found())
        #expect(try cache.clearButMachines() > 0)
        #expect(isEmpty && library.tried("x", nil) == nil && library.bytes() == 0)
        // Who has begun to start from it goes on.
        #expect(try fixture.fed(state) == WarmFixture.memory)
        cache.store(blocks.ids[0], try blocks.bytes(0))
        try fixture.make()
        #expect(try cache.clearButMachines() > TestBlocks.length)
        #expect(isEmpty && !cache.contains(blocks.ids[0]))
    }
}

/// Blocks of a cache.
private struct TestBlocks {
    static let length = 65_536
    private let contents = (0..<6).map { [UInt8](repeating: UInt8($0 + 1), count: length) }
    let ids: [BlockID]

    init() {
        ids = contents.map { bytes in bytes.withUnsafeBytes { DigestAlgorithm.sha256.blockID(of: $0) } }
    }

    func bytes(_ number: Int) throws -> BlockBytes {
        let bytes = contents[number]
        return try BlockBytes(length: bytes.count) { (buffer) throws(SystemCallError) in buffer.copyBytes(from: bytes) }
    }
}
