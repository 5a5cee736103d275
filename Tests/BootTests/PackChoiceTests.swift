import BlockStore
import Catalog
import ContentAddress
import Curl
import ImageIndex
import Linux
import TestSupport
import Testing

@testable import Boot

/// Two versions of a signed tree on this disk, of eight blocks each; the newer one has a pack of all that its start reads, and one of what the older
/// one does not have.
@Suite(.timeLimit(.minutes(1))) struct PackChoiceTests {
    private static let block = 65_536
    private static let (older, newer) = ("2026-11-09", "2026-11-16")

    private let folder: TemporaryDirectory
    private let olderFolder: TemporaryDirectory
    private let places: Places
    private let transfers = TransferQueue()
    private let cache: BlockCache
    private let image: SmallImage
    private let olderImage: SmallImage

    init() throws {
        let folder = try TemporaryDirectory()
        self.folder = folder
        places = Places(
            environment: { $0 == "XDG_STATE_HOME" ? folder.path("state") : nil }, user: 1000, home: folder.path)
        cache = BlockCache(directory: folder.path("cache"), limit: .bytes(1 << 30))
        olderFolder = try TemporaryDirectory()
        olderImage = try SmallImage("abcdefgh", blockSize: Self.block, last: Self.block, in: olderFolder)
        image = try SmallImage("abcdefXY", blockSize: Self.block, last: Self.block, in: folder)
    }

    private var catalogs: CatalogLibrary { CatalogLibrary(directory: places.catalogs, transfers: transfers) }
    private var systems: SystemsLibrary { SystemsLibrary(catalogs: catalogs, places: places) }

    private func digest(of image: SmallImage) throws -> FileDigest {
        FileDigest.sha256(of: try FileContents.read(image.indexPath, limit: 1 << 20))
    }

    /// Of all pages but the last four of each block of `positions`.
    private func pack(_ positions: [Int], basis: String? = nil, index: FileDigest? = nil) throws -> BootPack {
        try TestPack(
            image.contents.flatMap { $0 }, runs: positions.map { PageRun(start: $0 * 16, count: 12) }, pages: 24,
            index: try index ?? digest(of: image),
            basis: basis.map { BootPack.Basis(version: $0, index: FileDigest.sha256(of: [2])) }
        ).pack
    }

    private func offered(_ pack: BootPack, basis: String? = nil) throws -> PublishedPack {
        PublishedPack(
            pack: PublishedPack.name(
                "debian", try #require(VersionID(Self.newer)), basis: basis.flatMap { VersionID($0) }),
            basis: basis, size: UInt64(pack.size), storedSize: UInt64(pack.storedSize))
    }

    /// Publishes both versions and follows the tree; the boot set is the first, second, seventh and eighth block.
    /// - Parameter lists: the packs' texts, by basis; nil for one that the catalog names and the tree does not have.
    private func publish(
        _ lists: [(basis: String?, text: String?)], older olderPack: BootPack? = nil
    ) async throws -> ChosenVersion {
        var files = ["debian/\(Self.newer).caibx": try FileContents.read(image.indexPath, limit: 1 << 20)]
        files["debian/\(Self.older).caibx"] = try FileContents.read(olderImage.indexPath, limit: 1 << 20)
        files["debian/\(Self.newer).bootset"] = Array(BootSet([0, 1, 6, 7].map { image.ids[$0] }).text.utf8)
        let tree = try SignedTree(path: folder.path("tree"))
        var newer = DistributionVersion(
            id: try #require(VersionID(Self.newer)), published: .now, index: "debian/\(Self.newer).caibx",
            bootSet: "debian/\(Self.newer).bootset", size: image.index.imageSize,
            storedSize: UInt64(8 * Self.block))
        for (basis, text) in lists {
            let named = try offered(pack([0]), basis: basis)
            newer.packs.append(named)
            if let text { files[named.pack] = Array(text.utf8) }
        }
        var older = DistributionVersion(
            id: try #require(VersionID(Self.older)), published: .now, index: "debian/\(Self.older).caibx",
            size: olderImage.index.imageSize)
        if let olderPack {
            let name = PublishedPack.name("debian", older.id)
            older.packs = [
                PublishedPack(pack: name, size: UInt64(olderPack.size), storedSize: UInt64(olderPack.storedSize))
            ]
            files[name] = Array(olderPack.text.utf8)
        }
        try tree.publish(files)
        try tree.publish(
            CatalogDocument(
                name: "Home", updated: .now, distributions: [Distribution(id: "debian", versions: [newer, older])]))
        let copy = try await catalogs.add(
            try CatalogSource(name: "home", location: folder.path("tree")), trust: .root(try tree.root))
        return try VersionName(argument: "debian").choose(from: [copy])
    }

    private func session(_ change: (inout BootRequest) -> Void = { _ in }) -> SessionRun {
        var request = BootRequest(
            id: "abcd1234", name: "home/debian", memoryMiB: nil, cpus: nil, display: .none, network: "none",
            accel: "tcg", connect: nil)
        change(&request)
        return SessionRun(
            request: request, places: places, configuration: Configuration(), report: { _ in }, describe: { "\($0)" })
    }

    /// What a session takes for its start.
    private func choose(_ version: ChosenVersion, by session: SessionRun? = nil) async throws -> BootPack? {
        let session = session ?? self.session()
        let image = VersionImage(
            chosen: version, indexPath: try await catalogs.index(of: version), file: nil)
        await session.bringPackLists(of: image, systems, isCurrent: true)
        let bootSet = try BootSet([0, 1, 6, 7].map { self.image.ids[$0] }).blocks(of: self.image.index)
        return try session.choosePack(of: image, self.image.index, bootSet, systems, cache)
    }

    private func bring(_ positions: [Int]) async throws {
        let store = CachingBlockStore(cache: cache, upstream: InMemoryBlockStore(image))
        for position in positions { _ = try await store.block(image.request(position)) }
        await store.settle()
    }

    // MARK: Choice

    @Test func aColdStartTakesThePackOfAllPages() async throws {
        let full = try pack([0, 1, 6, 7])
        let version = try await publish([(nil, full.text), (Self.older, try pack([6, 7], basis: Self.older).text)])
        #expect(try await choose(version) == full)
        // Nobody who has not the older version asks for its pack.
        let difference = try #require(version.version.packs.first { $0.basis != nil })
        let path = catalogs.packPath(difference, version.source, version.distribution, version.version)
        #expect(!Paths.allows(.reading, path))
        // And with everything here none is used.
        try await bring([0, 1, 6, 7])
        #expect(try await choose(version) == nil)
    }

    @Test func whoHasTheOlderVersionTakesWhatChanged() async throws {
        let difference = try pack([6, 7], basis: Self.older)
        let version = try await publish([(nil, try pack([0, 1, 6, 7]).text), (Self.older, difference.text)])
        let older = try #require(version.distribution.versions.last)
        _ = try await catalogs.index(
            of: ChosenVersion(
                source: version.source, document: version.document, distribution: version.distribution, version: older))
        try await bring([0, 1])
        #expect(try await choose(version) == difference)
    }

    @Test func whoStartedTheOlderVersionFromItsPackTakesItsPiecesAndWhatChanged() async throws {
        let runs = { (positions: [Int]) in positions.map { PageRun(start: $0 * 16, count: 12) } }
        let before = try TestPack(
            olderImage.contents.flatMap { $0 }, runs: runs([0, 6, 1, 7]), pages: 24, index: digest(of: olderImage))
        let full = try pack([0, 1, 6, 7])
        let difference = try TestPack(
            image.contents.flatMap { $0 }, runs: runs([6, 7]), pages: 24, index: digest(of: image),
            basis: BootPack.Basis(version: Self.older, index: try digest(of: olderImage))
        ).pack
        let version = try await publish([(nil, full.text), (Self.older, difference.text)], older: before.pack)
        let older = ChosenVersion(
            source: version.source, document: version.document, distribution: version.distribution,
            version: try #require(version.distribution.versions.last))
        _ = try await catalogs.index(of: older)
        _ = try await catalogs.pack(try #require(older.version.packs.first), of: older)
        // The list alone makes nothing cheaper.
        #expect(try await choose(version) == full)
        let blocks = Dictionary(uniqueKeysWithValues: before.pieces.map { (TestPack.id(of: $0), $0) })
        let store = CachingBlockStore(cache: cache, upstream: InMemoryBlockStore(blocks, answersAtOnce: false))
        for piece in before.pack.pieces {
            _ = try await store.block(BlockRequest(id: piece.id, length: piece.length, algorithm: .sha256))
        }
        await store.settle()
        let chosen = try #require(try await choose(version))
        #expect(chosen.pieces == difference.pieces + before.pack.pieces)
        // Of blocks that are others now nothing is taken from the older pack, of which it has both in one piece.
        #expect(chosen.parts(of: 0..<4096)?.map(\.piece) == [1])
        #expect(chosen.parts(of: UInt64(6 * Self.block)..<UInt64(6 * Self.block + 4096))?.map(\.piece) == [0])
        // Another image under the older version's name: its pack is of no use.
        try AtomicFile.write(
            try FileContents.read(image.indexPath, limit: 1 << 20),
            to: catalogs.indexPath(older.source, older.distribution, older.version))
        #expect(try await choose(version) == full)
    }

    @Test func machinesAndGuestsThatGoOnTakeNone() async throws {
        let version = try await publish([(nil, try pack([0, 1, 6, 7]).text)])
        for change in [
            { $0.machine = .new("work") }, { $0.machine = .started("work") }, { $0.resumes = .memory },
            { $0.resumes = .cold },
        ] as [(inout BootRequest) -> Void] {
            #expect(try await choose(version, by: session(change)) == nil)
        }
        #expect(try await choose(version) != nil)
    }

    @Test func whatAVendorHasSignedTakesNone() async throws {
        let version = try await publish([(nil, try pack([0, 1, 6, 7]).text)])
        #expect(try await choose(version) != nil)
        var named = version.version
        named.source = VersionSource(urls: [], format: .raw, trust: .blocks)
        #expect(catalogs.packLists(version.source, version.distribution, version.version).places.count == 1)
        #expect(catalogs.packLists(version.source, version.distribution, named).places.isEmpty)
    }

    @Test func whoWantsNoPacksHasNone() async throws {
        let version = try await publish([(nil, try pack([0, 1, 6, 7]).text)])
        var configuration = Configuration()
        try configuration.apply("[prefetch]\npack = \"never\"\n", file: "f")
        let systems = SystemsLibrary(places: places, configuration: configuration, transfers: transfers)
        let lacking = try [0, 1].map { try image.index.block(at: $0) }
        await session().bringPackLists(
            of: VersionImage(chosen: version, indexPath: try await catalogs.index(of: version), file: nil), systems,
            isCurrent: true)
        let path = catalogs.packPath(
            try #require(version.version.packs.first), version.source, version.distribution, version.version)
        #expect(!Paths.allows(.reading, path))
        #expect(try await choose(version)?.pieces.count == 2)
        #expect(
            systems.packs(version.source, version.distribution, version.version, image.index, lacking, cache).isEmpty)
        #expect(throws: BootError.self) { try configuration.apply("[prefetch]\npack = \"auto\"\n", file: "f") }
    }

    // MARK: Bad input

    @Test func aPackThatIsNotTheVersionsIsNotUsed() async throws {
        let good = try pack([0, 1, 6, 7]).text
        let cut = String(good.dropLast(40))
        let twice = good.replacing("pages 16 12", with: "pages 0 12")
        let outside = good.replacing("pages 112 12", with: "pages 120 12")
        let others = try pack([0, 1, 6, 7], index: try digest(of: olderImage)).text
        // The catalog names it as a pack of all pages.
        let basis = try pack([0, 1, 6, 7], basis: Self.older).text
        let texts = [cut, twice, outside, others, basis, "", "no pack", nil]
        #expect(Set(texts.compactMap(\.self) + [good]).count == texts.count)
        for text in texts {
            let fixture = try PackChoiceTests()
            let version = try await fixture.publish([(nil, text)])
            #expect(try await fixture.choose(version) == nil, "\(text ?? "a tree half way between two states")")
        }
        #expect(try await choose(publish([(nil, good)])) != nil)
    }

    @Test func aListThatWasChangedOnThisDiskIsFetchedAgain() async throws {
        let full = try pack([0, 1, 6, 7])
        let version = try await publish([(nil, full.text)])
        #expect(try await choose(version) == full)
        let path = catalogs.packPath(
            try #require(version.version.packs.first), version.source, version.distribution, version.version)
        try AtomicFile.write(full.text.replacing("pages 0 12", with: "pages 32 12"), to: path)
        #expect(try await choose(version) == full)
    }

    @Test func aPackThatWouldFillTheCacheIsNotUsed() async throws {
        let version = try await publish([(nil, try pack([0, 1, 6, 7]).text)])
        #expect(try await choose(version) != nil)
        let small = BlockCache(directory: folder.path("small"), limit: .bytes(4 * 12 * 4096))
        let lacking = try [0, 1, 6, 7].map { try image.index.block(at: $0) }
        #expect(
            systems.packs(version.source, version.distribution, version.version, image.index, lacking, small).isEmpty)
    }

    // MARK: What differs

    @Test func aPackThatDiffersFromItsImageEndsTheGuestAndIsUsedNoMore() async throws {
        let full = try pack([0, 1, 6, 7])
        let version = try await publish([(nil, full.text)])
        let image = VersionImage(chosen: version, indexPath: try await catalogs.index(of: version), file: nil)
        let session = session()
        session.condemnPack(
            of: SessionImage(image: image, index: self.image.index, bootSet: [], ledger: nil, pack: full),
            try self.image.index.block(at: 6))
        var found: SessionFailure?
        for await signal in session.signals.stream {
            if case .untrue(let failure) = signal { found = failure }
            break
        }
        let failure = try #require(found)
        #expect(failure.exitCode == 65)
        // Its publisher is named, and where it is.
        for part in ["home/debian@2026-11-16", version.source.shownURL, "publisher", "block 6", "393216"] {
            #expect(failure.message.contains(part), "\(failure.message)")
        }
        #expect(try await choose(version) == nil)
        #expect(PackNotes(indexPath: image.indexPath).hasAny)
    }

    @Test func manyWrongPacksAreNotManyNotes() throws {
        let notes = PackNotes(indexPath: folder.path("v.caibx"))
        for count in 1...80 {
            try notes.note(
                try TestPack(image.contents.flatMap { $0 }, runs: [PageRun(start: 0, count: count)], pages: 99).pack)
        }
        let text = try FileContents.readText(folder.path("v.wrong-packs"), limit: 1 << 20)
        #expect(text.split(separator: "\n").count == 64)
    }

    // MARK: Price

    @Test func theListSaysThePriceOfTheWayThatAStartTakes() async throws {
        let full = try pack([0, 1, 6])
        let version = try await publish([(nil, full.text)])
        let copy = CatalogCopy(source: version.source, state: .fresh, document: version.document)
        func price() async throws -> UInt64? {
            let reader = SystemsReader(places: places, systems: systems, cache: cache)
            return reader.details(reader.outline([copy], sessions: [])).systems[0].versions[0].toBoot
        }
        _ = try await catalogs.index(of: version)
        _ = try await catalogs.bootSet(of: version)
        // Before its list is here, the blocks.
        #expect(try await price() == UInt64(4 * Self.block))
        await catalogs.bringPackLists(of: version)
        #expect(try await price() == UInt64(full.storedSize + Self.block))
        try await bring([7])
        #expect(try await price() == UInt64(full.storedSize))
        try await bring([0, 1])
        #expect(try await price() == UInt64(Self.block), "the last block alone is cheaper")
        try await bring([6])
        #expect(try await price() == 0)
    }

    @Test func whoRemovesAVersionRemovesItsPieces() async throws {
        let bytes = image.contents.flatMap { $0 }
        let pack = try TestPack(bytes, runs: [PageRun(start: 0, count: 40)], pages: 24, index: try digest(of: image))
        let version = try await publish([(nil, pack.pack.text)])
        _ = try await catalogs.index(of: version)
        await catalogs.bringPackLists(of: version)
        let upstream = InMemoryBlockStore()
        pack.put(into: upstream)
        let store = CachingBlockStore(cache: cache, upstream: upstream)
        for piece in pack.pack.pieces {
            _ = try await store.block(BlockRequest(id: piece.id, length: piece.length, algorithm: .sha256))
        }
        await store.settle()
        #expect(pack.pack.pieces.allSatisfy { cache.contains($0.id) })
        let copy = CatalogCopy(source: version.source, state: .fresh, document: version.document)
        let all = SystemsReader(places: places, systems: systems, cache: cache).outline([copy], sessions: [])
        let freed = try VersionCache(library: systems, cache: cache).remove(VersionKey(version), among: all)
        #expect(freed == 40 * 4096)
        #expect(!pack.pack.pieces.contains { cache.contains($0.id) })
    }

    @Test func aSessionSaysHowMuchOfItsPackIsHere() throws {
        var status = SessionStatus(
            id: "abc", catalog: "c", distribution: "debian", version: "2026-11-16", state: .running, phase: .up, pid: 1,
            started: "2026-11-23T00:00:00Z", consoleLog: "/x")
        #expect(!(try JSONRoundTrip.text(of: status)).contains("pack"))
        #expect(try JSONRoundTrip.of(status).pack == nil)
        status.pack = SessionStatus.Pack(pieces: 24, here: 3)
        let text = try JSONRoundTrip.text(of: status)
        #expect(text.contains(#""pack":{"#) && text.contains(#""pieces":24"#) && text.contains(#""here":3"#))
        #expect(try JSONRoundTrip.of(status) == status)
    }
}
