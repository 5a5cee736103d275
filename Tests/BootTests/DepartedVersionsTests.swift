import BlockStore
import Catalog
import ContentAddress
import Curl
import Glibc
import ImageIndex
import Linux
import TestSupport
import Testing
import Vendors

@testable import Boot

@Suite struct DepartedVersionsTests {
    private let folder: TemporaryDirectory
    private let places: Places
    private let library: CatalogLibrary
    private let cache: BlockCache
    private let tree: SignedTree
    private let image: SmallImage
    private let source: CatalogSource
    private static let day = 86_400
    private static let ids = ["2026-11-23", "2026-11-16", "2026-11-09"]

    /// Three versions, of each of which index, boot set and run are kept.
    init() async throws {
        let folder = try TemporaryDirectory()
        self.folder = folder
        places = Places(
            environment: { $0 == "XDG_STATE_HOME" ? folder.path("state") : nil }, user: 1000, home: folder.path)
        library = CatalogLibrary(directory: places.catalogs, transfers: TransferQueue())
        try Folder.make(folder.path("cache"))
        cache = BlockCache(directory: folder.path("cache"), limit: .bytes(1 << 30))
        image = try SmallImage("abc.d", last: 4096, in: folder)
        tree = try SignedTree(path: folder.path("tree"))
        source = try CatalogSource(name: "home", location: folder.path("tree"))
        let bytes = try FileContents.read(image.indexPath, limit: 1 << 20)
        try tree.publish(Dictionary(uniqueKeysWithValues: Self.ids.map { ("debian/\($0).caibx", bytes) }))
        try tree.publish(try Self.document(Self.ids))
        let copy = try await library.add(source, trust: .root(try tree.root))
        for id in Self.ids {
            _ = try await library.index(of: try #require(VersionName("debian@\(id)")).choose(from: [copy]))
            try BootSetLibrary(places: places).record(BootSet(image.ids), for: key(id))
            try RunHistory(places: places).note(key(id))
        }
    }

    private static func document(_ ids: [String], size: UInt64 = 512) throws -> CatalogDocument {
        CatalogDocument(
            name: "", updated: Timestamp(seconds: 0),
            distributions: [
                Distribution(
                    id: "debian",
                    versions: try ids.map {
                        DistributionVersion(
                            id: try #require(VersionID($0)), published: Timestamp(seconds: 0),
                            index: "debian/\($0).caibx", size: size)
                    })
            ])
    }

    private func key(_ id: String) -> VersionKey {
        VersionKey(catalog: "home", distribution: "debian", version: id)
    }

    private func publish(_ ids: [String], size: UInt64 = 512) async throws {
        try tree.publish(try Self.document(ids, size: size))
        #expect(await library.refreshed(source).state == .fresh)
    }

    private func look(after days: Int, running: Set<VersionKey> = []) throws {
        try DepartedVersions(places: places, systems: SystemsLibrary(catalogs: library), cache: cache)
            .look(running: running, now: time(nil) + days * Self.day)
    }

    /// What is here of each version: index, boot set, run.
    private func here() -> [String: Int] {
        let folders = [
            "\(places.catalogs)/home/indexes/debian", "\(places.bootSets)/home/debian", "\(places.runs)/home/debian",
        ]
        let names = folders.flatMap { Folder.namesIfAny(in: $0) }
        return Dictionary(
            uniqueKeysWithValues: Self.ids.map { id in (id, names.count { $0.hasPrefix(id) }) }
        ).filter { $0.value > 0 }
    }

    @Test func whatAKeptMachineLiesOnStaysUntilItIsForgotten() async throws {
        let machines = try MachineFixture()
        let key = VersionKey(catalog: "test", distribution: "debian", version: "2026-11-30")
        try BootSetLibrary(places: places).record(BootSet(image.ids), for: key)
        try BootSetLibrary(places: places).record(BootPages([PageRun(start: 0, count: 3)]), for: key)
        let path = "\(places.bootSets)/test/debian/2026-11-30.bootset"
        do { withExtendedLifetime(try machines.make("studio", in: places)) {} }
        for days in [0, 400, 401] { try look(after: days) }
        #expect(try Paths.isThere(path))
        // While nobody knows what a machine needs, nothing goes.
        let record = "\(places.machines)/studio/record.json"
        let text = try FileContents.readText(record, limit: 1 << 20)
        try AtomicFile.write("", to: record)
        #expect(throws: MachineError.self) { try look(after: 800) }
        try AtomicFile.write(text, to: record)
        try MachineLibrary(places: places).forget("studio", cache: cache)
        try look(after: 801)
        #expect(Folder.namesIfAny(in: "\(places.bootSets)/test/debian").isEmpty)
    }

    @Test func whatWasMissedForAMonthGoes() async throws {
        try look(after: 0)
        try look(after: 400)
        #expect(here() == [Self.ids[0]: 3, Self.ids[1]: 3, Self.ids[2]: 3], "all are in the catalog")
        try await publish([Self.ids[0]])
        try look(after: 0)
        try look(after: 29)
        #expect(here().count == 3)
        try look(after: 31)
        #expect(here() == [Self.ids[0]: 3])
        #expect(Folder.namesIfAny(in: "\(places.departed)/home/debian").isEmpty)
    }

    @Test func whatComesBackStays() async throws {
        try await publish([Self.ids[0]])
        try look(after: 0)
        try await publish(Self.ids)
        try look(after: 20)
        try await publish([Self.ids[0]])
        try look(after: 31)
        try look(after: 60)
        #expect(here().count == 3)
        try look(after: 62)
        #expect(here().count == 1)
    }

    @Test func runningPinnedAndWholeVersionsStay() async throws {
        try await publish([])
        try look(after: 0)
        try cache.pin(key(Self.ids[1]).description, image.ids)
        try look(after: 31, running: [key(Self.ids[0])])
        #expect(here() == [Self.ids[0]: 3, Self.ids[1]: 3])
        let store = CachingBlockStore(cache: cache, upstream: InMemoryBlockStore(image))
        for position in [0, 1, 2, 4] { _ = try await store.block(image.request(position)) }
        await store.settle()
        try cache.unpin(key(Self.ids[1]).description)
        try look(after: 40)
        #expect(here() == [Self.ids[0]: 3, Self.ids[1]: 3], "they are here whole")
    }

    @Test func aClockThatRanAheadOnceRemovesNothing() async throws {
        try await publish([Self.ids[0]])
        try look(after: 9000)
        try look(after: 0)
        try look(after: 29)
        #expect(here().count == 3)
        try look(after: 31)
        #expect(here().count == 1)
    }

    @Test func nothingOfACatalogThatCannotBeReadIsMissed() async throws {
        try await publish([Self.ids[0]])
        try folder.write([], to: "state/oscircular/catalogs/home/catalog.json")
        try look(after: 0)
        try look(after: 31)
        #expect(here().count == 3)
    }

    @Test func anIndexOfAnotherImageUnderTheSameNameGoesAlone() async throws {
        try await publish(Self.ids, size: 513)
        try look(after: 0)
        try look(after: 31)
        #expect(here() == [Self.ids[0]: 2, Self.ids[1]: 2, Self.ids[2]: 2])
    }

    @Test func whatIsLeftOfACatalogThatIsNoLongerFollowedGoes() async throws {
        try library.remove("home")
        try look(after: 0)
        #expect(here().count == 3)
        try look(after: 31)
        #expect(here().isEmpty)
    }

    /// Its name has a dot, as many systems' have.
    @Test func whatWasNotedOfAVendorsFileThatACatalogNamesGoesWithTheVersion() async throws {
        let notes = VendorNotes(places: places)
        func file(_ day: String, _ url: String) throws -> PinnedFile {
            var document = try Self.document([day])
            document.distributions[0] = Distribution(id: "d-1.0", versions: document.distributions[0].versions)
            document.distributions[0].versions[0].source = VersionSource(
                urls: [url], format: .raw, size: 512, trust: .blocks)
            return try #require(
                PinnedFile(
                    of: ChosenVersion(
                        source: source, document: document, distribution: document.distributions[0],
                        version: document.distributions[0].versions[0]), indexPath: ""))
        }
        let gone = try file("2026-11-16", "https://images.example.org/a.raw")
        #expect(!notes.isGone(gone) && notes.gone(in: "home/d-1.0").isEmpty)
        try notes.noteGone(gone)
        #expect(notes.isGone(gone) && notes.gone(in: "home/d-1.0") == ["2026-11-16"])
        // The publisher has found it elsewhere, or has its blocks.
        #expect(!notes.isGone(try file("2026-11-16", "https://images.example.org/old/a.raw")))
        var kept = gone
        kept.stores = []
        #expect(!notes.isGone(kept))

        try look(after: 0)
        try look(after: 29)
        #expect(notes.isGone(gone))
        try look(after: 31)
        #expect(notes.gone(in: "home/d-1.0").isEmpty)
        #expect(here().count == 3)
    }

    @Test func whatIsLeftOfAVendorsFileThatTheVendorNoLongerHasGoes() async throws {
        let vendor = try TinyVendor(in: folder, places: places)
        try vendor.list(["20261109", "20261116"])
        let vendors = vendor.library
        let systems = SystemsLibrary(catalogs: library, vendors: vendors)
        for day in ["2026-11-09", "2026-11-16"] {
            let pinned = try await vendors.pin(try await vendor.choose(day))
            _ = try pinned.ledger(ImageIndex(path: pinned.indexPath), in: places.ledgers)
            try VendorNotes(places: places).noteGone(pinned)
        }
        try vendor.list(["20261116"])
        _ = try await vendors.refresh("tiny-1", evenIfFresh: true)
        #expect(systems.goneVersions(of: try #require(vendors.known("tiny-1"))).map(\.text) == ["2026-11-09"])
        // Nor is it what boots in the place of one that does not come up.
        try HealthLibrary(places: places).change(CatalogSource.vendorsName, "tiny-1") {
            $0.noteHealthy("2026-11-09", at: .now, seconds: 4, accel: "tcg")
            $0.note(.init(version: "2026-11-16", time: .now, why: .late))
        }
        let chosen = try await SystemsLibrary(catalogs: library, vendors: vendors, places: places)
            .choose(try VersionName(argument: "tiny-1"), asking: .never).version
        #expect(chosen.version.id.text == "2026-11-16")
        func look(after days: Int) throws {
            try DepartedVersions(places: places, systems: systems, cache: cache)
                .look(running: [], now: time(nil) + days * Self.day)
        }
        try look(after: 0)
        try look(after: 29)
        let pins = "\(places.vendors)/pins/tiny-1"
        #expect(Folder.namesIfAny(in: pins).count == 2)
        try look(after: 31)
        #expect(Folder.namesIfAny(in: pins) == ["2026-11-16"])
        #expect(Folder.namesIfAny(in: places.ledgers.path).count == 1)
        #expect(Folder.namesIfAny(in: "\(places.vendorNotes)/tiny-1") == ["2026-11-16.gone"])
    }
}
