import BlockStore
import Catalog
import ContentAddress
import Curl
import FoundationEssentials
import Glibc
import GuestDomain
import ImageIndex
import Linux
import TestSupport
import Testing

@testable import Boot

/// Two versions of one distribution whose indexes are here: `abcd` and the newer `abXd`, with an `e` at its end.
@Suite struct SystemsOverviewTests {
    let folder: TemporaryDirectory
    let places: Places
    let library: CatalogLibrary
    let cache: BlockCache
    let older: SmallImage
    let newer: SmallImage
    let copy: CatalogCopy

    private static let size = UInt64(SmallImage.blockSize)

    init() throws {
        let folder = try TemporaryDirectory()
        self.folder = folder
        places = Places(
            environment: { $0 == "XDG_STATE_HOME" ? folder.path("state") : nil }, user: 1000, home: folder.path)
        library = CatalogLibrary(directory: places.catalogs, transfers: TransferQueue())
        cache = BlockCache(directory: folder.path("cache"), limit: .bytes(1 << 30))
        older = try SmallImage("abc.d", last: 4096, in: folder)
        newer = try SmallImage("abx.de", last: 4096, in: folder)
        let source = try CatalogSource(name: "home", location: "/srv/os")
        let distribution = Distribution(
            id: "debian",
            versions: try [("2026-11-16", older), ("2026-11-23", newer)].map { id, image in
                DistributionVersion(
                    id: try #require(VersionID(id)), published: .now, index: "debian/\(id).caibx",
                    size: image.index.imageSize,
                    // Half of what the distinct blocks are.
                    storedSize: UInt64(Set(image.ids).count - 1) * Self.size / 2)
            })
        copy = CatalogCopy(
            source: source, state: .fresh,
            document: CatalogDocument(name: "Home", updated: .now, distributions: [distribution]))
        for (version, image) in zip(distribution.versions, [newer, older]) {
            let path = library.indexPath(source, distribution, version)
            try Folder.make(String(path[..<(try #require(path.lastIndex(of: "/")))]))
            try ImageIndexWriter.write(
                blocks: image.ids, blockSize: SmallImage.blockSize, imageSize: image.index.imageSize,
                algorithm: .sha256, to: path)
        }
    }

    func versions(sessions: [SessionStatus] = []) -> [VersionSummary] {
        let reader = SystemsReader(places: places, systems: SystemsLibrary(catalogs: library), cache: cache)
        return reader.details(reader.outline([copy], sessions: sessions)).systems[0].versions
    }

    func bring(_ image: SmallImage, _ positions: [Int]) async throws {
        let store = CachingBlockStore(cache: cache, upstream: InMemoryBlockStore(image))
        for position in positions { _ = try await store.block(image.request(position)) }
        await store.settle()
    }

    func key(_ version: String) -> VersionKey {
        VersionKey(catalog: "home", distribution: "debian", version: version)
    }

    @Test func saysWhatIsHereAndWhatChangedFromWeekToWeek() async throws {
        try await bring(older, [0, 1, 2])
        let versions = versions()
        #expect(versions.map(\.version.id.text) == ["2026-11-23", "2026-11-16"])
        #expect(versions[0].here == 2 * Self.size)
        #expect(versions[1].here == 3 * Self.size)
        #expect(versions[1].content == 4 * Self.size)
        // x and e are new; a block is half its size on the line.
        #expect(versions[0].changed == Self.size)
        #expect(versions[1].changed == nil)
        #expect(versions.allSatisfy { $0.offline == .no && $0.toBoot == nil && $0.new == nil })
    }

    @Test func aStartsPriceIsWhatItsBootSetLacks() async throws {
        let bootSets = BootSetLibrary(places: places)
        try bootSets.record(BootSet([newer.ids[2], newer.ids[0]]), for: key("2026-11-23"))
        #expect(versions()[0].toBoot == Self.size)
        try await bring(newer, [0])
        #expect(versions()[0].toBoot == Self.size / 2)
        #expect(versions()[0].offline == .no)
        try await bring(newer, [2])
        #expect(versions()[0].toBoot == 0)
        #expect(versions()[0].offline == .boots)
        try await bring(newer, [1, 4, 5])
        #expect(versions()[0].offline == .whole)
        #expect(versions().map(\.isBootSetDerived) == [false, true], "nobody recorded the older one")
    }

    @Test(
        arguments: [
            ("x86_64", nil, nil, nil), ("amd64", nil, nil, nil), ("arm64", true, false, ["qemu-system-arm"]),
            ("riscv64", nil, false, nil),
        ] as [(String, Bool?, Bool?, [String]?)])
    func aRowSaysHowItsProcessorRuns(_ word: String, emulated: Bool?, bootable: Bool?, needs: [String]?) throws {
        var document = try #require(copy.document)
        document.distributions[0].architecture = word
        let emulators = Emulators(host: .x86_64, missing: [.aarch64: ["qemu-system-arm"]])
        let reader = SystemsReader(
            places: places, systems: SystemsLibrary(catalogs: library), cache: cache, emulators: emulators)
        let copy = CatalogCopy(source: copy.source, state: .fresh, document: document)
        let system = reader.outline([copy], sessions: []).systems[0]
        struct Row: Decodable {
            let architecture: String
            let emulated: Bool?
            let bootable: Bool?
            let needs: [String]?
        }
        let row = try JSONDecoder().decode(Row.self, from: try JSONEncoder().encode(system))
        #expect(row.architecture == word && row.emulated == emulated && row.bootable == bootable && row.needs == needs)
        // Followed catalogs' systems stand where they stood.
        #expect(system.processorGroup == nil)
    }

    @Test func newIsCountedFromTheVersionThatRanLast() async throws {
        try RunHistory(places: places).note(key("2026-11-16"))
        let versions = versions()
        #expect(versions[0].new == Self.size)
        #expect(versions[1].new == 0)
        #expect(versions[0].lastRun == nil)
        #expect(try #require(versions[1].lastRun) > 0)
    }

    @Test func aPinShowsAndKeepsTheVersionsBlocks() async throws {
        let versionCache = VersionCache(library: SystemsLibrary(catalogs: library), cache: cache)
        try await bring(older, [0, 1, 2, 4])
        try versionCache.pin(key("2026-11-16"), indexPath: older.indexPath)
        // The fixture writes both images to one file: the pin is made from the index of the library.
        let reader = SystemsReader(places: places, systems: SystemsLibrary(catalogs: library), cache: cache)
        let outline = reader.outline([copy], sessions: [])
        #expect(outline.systems[0].versions.map(\.isPinned) == [false, true])
        #expect(try versionCache.unpin(key("2026-11-16")))
        #expect(try !versionCache.unpin(key("2026-11-16")))
    }

    @Test func removingAVersionLeavesWhatOthersShareAndWhatIsPinned() async throws {
        try await bring(older, [0, 1, 2, 4])
        try await bring(newer, [2, 5])
        let reader = SystemsReader(places: places, systems: SystemsLibrary(catalogs: library), cache: cache)
        let versionCache = VersionCache(library: SystemsLibrary(catalogs: library), cache: cache)
        let overview = reader.details(reader.outline([copy], sessions: []))
        try cache.pin("other", [newer.ids[5]])
        #expect(try versionCache.remove(key("2026-11-23"), among: overview) == SmallImage.blockSize)
        #expect(!cache.contains(newer.ids[2]))
        #expect(cache.contains(newer.ids[5]), "pinned")
        #expect(older.ids.enumerated().allSatisfy { $0.offset == 3 || cache.contains($0.element) })
    }

    @Test func whoHasOrRunsAWithdrawnVersionIsTold() throws {
        var document = try #require(copy.document)
        let gone = document.distributions[0].versions.removeFirst()
        document.distributions[0].withdrawn = [
            WithdrawnVersion(id: gone.id, when: .now, why: "no"),
            WithdrawnVersion(id: try #require(VersionID("2026-11-17")), when: .now),
        ]
        let session = SessionStatus(
            id: "a", catalog: "home", distribution: "debian", version: "2026-11-23", state: .running, phase: .up,
            pid: 1,
            started: "2026-11-23T00:00:00Z", consoleLog: "/x", bytesFetched: 1, bytesFromCache: 2, blocks: 3,
            blocksHere: 4, rate: 5)
        let reader = SystemsReader(places: places, systems: SystemsLibrary(catalogs: library), cache: cache)
        let now = CatalogCopy(source: copy.source, state: .fresh, document: document)
        let withdrawn = reader.details(reader.outline([now], sessions: [session])).systems[0].withdrawn
        #expect(withdrawn.map(\.version.id.text) == ["2026-11-23", "2026-11-17"])
        #expect(withdrawn.map(\.isHere) == [true, false])
        #expect(withdrawn.map(\.isRunning) == [true, false])
    }

    @Test func theLastRunComesFirst() async throws {
        let history = RunHistory(places: places)
        for version in ["2026-11-16", "2026-11-23"] {
            try history.note(key(version))
            var times = [timeval(tv_sec: version == "2026-11-16" ? 2000 : 1000, tv_usec: 0)]
            times.append(times[0])
            utimes("\(places.runs)/home/debian/\(version)", times)
        }
        #expect(history.runs().map(\.key.version) == ["2026-11-16", "2026-11-23"])
        try history.note(key("2026-11-23"))
        #expect(history.runs().map(\.key.version) == ["2026-11-23", "2026-11-16"])
    }

    @Test(arguments: [
        ("u 1\n", true), ("u 3\n", true), ("u 0\n", false), ("u 4\n", false), ("", false), ("u 11", false),
    ])
    func meteredIsWhatNetworkManagerSays(answer: String, isMetered: Bool) {
        #expect(MeteredNetwork.isMetered(answer: answer) == isMetered)
    }
}
