import BlockStore
import Catalog
import Curl
import ImageIndex
import Linux
import TestSupport
import Testing

@testable import Boot

/// A signed tree of three weeks: `abcd`, then `aXcd`, which its publisher recorded, then `aXYd`.
@Suite struct DerivedStartTests {
    private let folder: TemporaryDirectory
    private let places: Places
    private let library: CatalogLibrary
    private let transfers = TransferQueue()
    private let images: [SmallImage]
    private let copy: CatalogCopy

    init() async throws {
        let folder = try TemporaryDirectory()
        self.folder = folder
        places = Places(
            environment: { $0 == "XDG_STATE_HOME" ? folder.path("state") : nil }, user: 1000, home: folder.path)
        library = CatalogLibrary(directory: places.catalogs, transfers: transfers)
        let tree = try SignedTree(path: folder.path("tree"))
        var (images, versions, files) = ([SmallImage](), [DistributionVersion](), [String: [UInt8]]())
        for (day, letters) in [("2026-11-09", "abcd"), ("2026-11-16", "aXcd"), ("2026-11-23", "aXYd")] {
            let image = try SmallImage(letters, in: folder)
            images.append(image)
            files["debian/\(day).caibx"] = try FileContents.read(image.indexPath, limit: 1 << 20)
            versions.append(
                DistributionVersion(
                    id: try #require(VersionID(day)), published: .now, index: "debian/\(day).caibx",
                    size: image.index.imageSize))
        }
        versions[1].bootSet = "debian/2026-11-16.bootset"
        files["debian/2026-11-16.bootset"] = Array(BootSet([images[1].ids[2], images[1].ids[1]]).text.utf8)
        self.images = images
        try tree.publish(files)
        try tree.publish(
            CatalogDocument(
                name: "Home", updated: .now, distributions: [Distribution(id: "debian", versions: versions)]))
        copy = try await library.add(
            try CatalogSource(name: "home", location: folder.path("tree")), trust: .root(try tree.root))
    }

    private func chosen(_ day: String) throws -> ChosenVersion {
        try VersionName(argument: "debian@\(day)").choose(from: [copy])
    }

    private func derived(_ week: Int, _ day: String) throws -> BootSet? {
        let version = try chosen(day)
        return DerivedBootSets(
            version.source, version.distribution, catalogs: library, recorded: BootSetLibrary(places: places)
        ).bootSet(of: version.version, images[week].index)
    }

    private var stored: [String] {
        Folder.namesIfAny(in: "\(places.catalogs)/home/indexes/debian").map { String($0.prefix(10)) }.sorted()
    }

    @Test func aStartOfAnUnrecordedVersionBringsTheNearestRecordedOnesFilesAndDerives() async throws {
        #expect(try derived(2, "2026-11-23") == nil)
        await library.bringNeighbour(of: try chosen("2026-11-23"), places)
        #expect(stored == ["2026-11-16", "2026-11-16"], "index and boot set, and nothing of others")
        // `Y` lies where `c` lay.
        #expect(try derived(2, "2026-11-23")?.ids == [images[2].ids[2], images[2].ids[1]])
        #expect(try derived(0, "2026-11-09")?.ids == [images[0].ids[2], images[0].ids[1]])
    }

    @Test func nothingIsFetchedWhereSomethingIsKnownAlready() async throws {
        await library.bringNeighbour(of: try chosen("2026-11-16"), places)
        #expect(stored.isEmpty, "its publisher recorded it")
        let key = VersionKey(catalog: "home", distribution: "debian", version: "2026-11-09")
        try BootSetLibrary(places: places).record(BootSet([images[0].ids[3]]), for: key)
        await library.bringNeighbour(of: try chosen("2026-11-23"), places)
        #expect(stored.isEmpty, "this machine's own boots recorded another one")
        _ = try await library.index(of: try chosen("2026-11-09"))
        #expect(try derived(2, "2026-11-23")?.ids == [images[2].ids[3]])
    }

    @Test func aServerThatHasNotWhatItSignedCostsTheStartNothing() async throws {
        try Folder.removeTree(folder.path("tree/targets"))
        await library.bringNeighbour(of: try chosen("2026-11-23"), places)
        #expect(stored.isEmpty)
        #expect(try derived(2, "2026-11-23") == nil)
    }

    @Test func aNeighbourWhoseFilesAreDamagedIsPassedOver() async throws {
        await library.bringNeighbour(of: try chosen("2026-11-23"), places)
        let version = try chosen("2026-11-16")
        try AtomicFile.write(
            "no boot set", to: library.bootSetPath(version.source, version.distribution, version.version))
        #expect(try derived(2, "2026-11-23") == nil)
        let key = VersionKey(catalog: "home", distribution: "debian", version: "2026-11-09")
        try BootSetLibrary(places: places).record(BootSet([images[0].ids[3]]), for: key)
        _ = try await library.index(of: try chosen("2026-11-09"))
        #expect(try derived(2, "2026-11-23")?.ids == [images[2].ids[3]])
    }

    @Test func aGuessIsNotEnoughToBeFetchedForBootingOffline() async throws {
        let recorded = try chosen("2026-11-16")
        var version = recorded.version
        version.bootSetFrom = VersionID("2026-11-09")
        let guessed = ChosenVersion(
            source: recorded.source, document: recorded.document, distribution: recorded.distribution, version: version)
        let fetch = VersionFetch(
            places: places, systems: SystemsLibrary(catalogs: library),
            cache: BlockCache(directory: folder.path("cache"), limit: .bytes(1 << 30)), transfers: transfers)
        await #expect(throws: VersionFetchError.noBootSet(VersionKey(guessed))) {
            try await fetch.run(guessed, .bootSet)
        }
    }
}
