import BlockStore
import Catalog
import ContentAddress
import FoundationEssentials
import GuestDomain
import Linux
import TestSupport
import Testing

@testable import Boot

/// Rows of versions that have a warm state.
extension SystemsOverviewTests {
    private static let key = String(repeating: "a", count: 32)

    /// A state as a template leaves it; what is in its files is of no account to a row.
    private func makeState(
        of version: String = "2026-11-23", named name: String = key, memoryMiB: Int = SystemSettings.usualMemoryMiB,
        cpus: Int = SystemSettings.usualCpus, xmlVersion: Int = DomainXML.version
    ) throws {
        let machine = GuestSpecification(
            name: "n", architecture: GuestArchitecture.host ?? .x86_64, memoryMiB: memoryMiB, cpus: cpus,
            accelerator: AcceleratorChoice.auto.probe().accelerator, firmware: .bios, media: .disk, imagePath: "/i",
            overlayPath: "/o", consoleSocketPath: "/c", networkSocketPath: nil, firmwareEntries: [], screen: nil,
            nvramPath: "/n")
        let digest = "sha256:" + String(repeating: "b", count: 64)
        var record = WarmRecord(
            created: .now, key: key(version), image: .init(indexDigest: digest, digest: nil),
            guest: .init(machine, entries: []), overlayDigest: digest, variablesDigest: nil, seedDigest: nil,
            memory: .init(size: 3, content: 3, digest: digest, origin: MemoryFileTests.origin), bootSeconds: 30)
        record.xmlVersion = xmlVersion
        let state = WarmFolder(name, in: WarmLibrary(cache: cache.directory).path)
        try Folder.make(state.path, mode: 0o700)
        try AtomicFile.write(Array(try JSONEncoder().encode(record)), to: state.record, mode: 0o600)
        for path in [state.memory, state.overlay] { try AtomicFile.write("mem", to: path, mode: 0o600) }
    }

    private func rows(
        _ settings: String = "", hasScreen: Bool? = nil, seed: SeedKind? = nil, details: Bool = true
    ) throws -> [Bool] {
        var configuration = Configuration()
        try configuration.apply(settings, file: "f")
        var document = try #require(copy.document)
        document.distributions[0].guest.seed = seed
        let reader = SystemsReader(
            places: places, systems: SystemsLibrary(catalogs: library), cache: cache,
            warm: WarmOutlook(
                library: WarmLibrary(cache: cache.directory), configuration: configuration, hasScreen: hasScreen))
        let outline = reader.outline(
            [CatalogCopy(source: copy.source, state: .fresh, document: document)], sessions: [])
        return (details ? reader.details(outline) : outline).systems[0].versions.map(\.isWarm)
    }

    @Test func aVersionWithAStateStartsInASecondFromTheFirstPictureOn() async throws {
        try await bring(newer, [0, 1, 2, 4, 5])
        try await bring(older, [0, 1, 2, 4])
        #expect(try rows() == [false, false])
        try makeState()
        #expect(try rows(details: false) == [true, false])
        #expect(try rows() == [true, false])
        // Who is not told does not ask.
        let reader = SystemsReader(places: places, systems: SystemsLibrary(catalogs: library), cache: cache)
        #expect(reader.outline([copy], sessions: []).systems[0].versions.allSatisfy { !$0.isWarm })
    }

    @Test func whatWasEvictedComesFirst() async throws {
        try makeState()
        try await bring(newer, [0, 1, 2, 4])
        #expect(try rows(details: false) == [true, false])
        #expect(try rows() == [false, false])
        try await bring(newer, [5])
        #expect(try rows() == [true, false])
    }

    @Test(arguments: [
        ("[guest]\nmemory = 512\n", false), ("[guest]\ncpus = 2\n", false), ("[guest]\nmemory = 1024\n", true),
        ("[system.\"home/debian\"]\nmemory = 512\n", false), ("[system.\"else/debian\"]\nmemory = 512\n", true),
        ("[system.\"home/debian\"]\nwarm = \"never\"\n", false), ("[warm]\nuse = \"never\"\n", false),
        ("[warm]\nuse = \"never\"\n[system.\"home/debian\"]\nwarm = \"always\"\n", true),
        ("[warm]\nmake = \"never\"\n", true), ("[system.\"home/debian\"]\ndisk = \"20GiB\"\n", false),
    ])
    func aStateOfOtherSettingsPromisesNothing(settings: String, isWarm: Bool) throws {
        try makeState()
        #expect(try rows(settings, details: false) == [isWarm, false])
    }

    @Test func oneOfTwoStatesIsEnough() throws {
        try makeState(memoryMiB: 512)
        #expect(try rows(details: false) == [false, false])
        try makeState(named: String(repeating: "c", count: 32))
        #expect(try rows(details: false) == [true, false])
        #expect(try rows("[guest]\nmemory = 512\n", details: false) == [true, false])
    }

    @Test func aScreenIsComparedWhereItIsKnown() throws {
        try makeState()
        #expect(try rows(hasScreen: false, details: false) == [true, false])
        #expect(try rows(hasScreen: true, details: false) == [false, false])
    }

    @Test func ordersForAFirstBootNeedABoot() throws {
        try makeState()
        let orders = "[guest]\nuser-data = \"/etc/orders\"\n"
        #expect(try rows(orders, seed: .nocloud, details: false) == [false, false])
        #expect(try rows(orders, details: false) == [true, false])
    }

    @Test func aStateOfAnotherReleaseOrADamagedOnePromisesNothing() throws {
        try makeState(xmlVersion: DomainXML.version + 1)
        #expect(try rows(details: false) == [false, false])
        let state = WarmFolder(Self.key, in: WarmLibrary(cache: cache.directory).path)
        try AtomicFile.write("{", to: state.record, mode: 0o600)
        #expect(try rows(details: false) == [false, false])
    }

    @Test func theStampTellsThatAStateCameOrWent() throws {
        let library = WarmLibrary(cache: cache.directory)
        #expect(library.stamp == 0)
        try makeState()
        let before = library.stamp
        #expect(before != 0 && before == library.stamp)
        // File times are as coarse as the kernel's clock.
        MonotonicClock.pause(milliseconds: 20)
        try Folder.removeTree(WarmFolder(Self.key, in: library.path).path)
        #expect(library.stamp != before)
    }
}
