import BlockStore
import Catalog
import ContentAddress
import Curl
import ImageIndex
import Linux
import TestSupport
import Testing

@testable import Boot

/// A version of a signed tree on this disk, `abcd` without holes, fetched as the command and the menu do it.
@Suite struct VersionFetchTests {
    private let folder: TemporaryDirectory
    private let places: Places
    private let library: CatalogLibrary
    private let transfers = TransferQueue()
    private let image: SmallImage
    private let version: ChosenVersion
    private let key: VersionKey

    private static let size = UInt64(3 * SmallImage.blockSize + 1000)

    init() async throws {
        let folder = try TemporaryDirectory()
        self.folder = folder
        places = Places(
            environment: { $0 == "XDG_STATE_HOME" ? folder.path("state") : nil }, user: 1000, home: folder.path)
        library = CatalogLibrary(directory: places.catalogs, transfers: transfers)
        image = try SmallImage("abcd", in: folder)
        let tree = try SignedTree(path: folder.path("tree"))
        let index = try FileContents.read(image.indexPath, limit: 1 << 20)
        try tree.publish(["debian/2026-11-16.caibx": index])
        try tree.publish(
            CatalogDocument(
                name: "Home", updated: .now,
                distributions: [
                    Distribution(
                        id: "debian",
                        versions: [
                            DistributionVersion(
                                id: try #require(VersionID("2026-11-16")), published: .now,
                                index: "debian/2026-11-16.caibx",
                                size: image.index.imageSize)
                        ])
                ]))
        let copy = try await library.add(
            try CatalogSource(name: "home", location: folder.path("tree")), trust: .root(try tree.root))
        version = try VersionName(argument: "debian").choose(from: [copy])
        key = VersionKey(version)
        for position in 0..<4 {
            try image.publish(position, to: try folder.makeFolder("tree/blocks"))
        }
    }

    private func cache(_ limit: CacheLimit = .bytes(1 << 30)) -> BlockCache {
        BlockCache(directory: folder.path("cache"), limit: limit)
    }

    private func fetch(_ extent: VersionFetch.Extent, _ cache: BlockCache) async throws -> [VersionFetch.Progress] {
        var all: [VersionFetch.Progress] = []
        let fetch = VersionFetch(
            places: places, systems: SystemsLibrary(catalogs: library), cache: cache, transfers: transfers)
        let last = try await fetch.run(version, extent) { all.append($0) }
        return all + [last]
    }

    @Test func theWholeImageIsStoredAndTheNextTimeNothingIsDownloaded() async throws {
        let cache = cache()
        let first = try await fetch(.whole, cache)
        #expect(image.ids.allSatisfy(cache.contains))
        #expect(first.first == VersionFetch.Progress(done: 0, total: Self.size, downloaded: 0))
        #expect(first.map(\.done) == first.map(\.done).sorted())
        let last = try #require(first.last)
        #expect(last.done == Self.size && last.total == Self.size)
        #expect(last.downloaded > 0)
        #expect(try await fetch(.whole, self.cache()).last == .init(done: Self.size, total: Self.size, downloaded: 0))
    }

    @Test func anImageOfAnotherSizeThanTheCatalogSaysIsNotFetched() async throws {
        var other = version.version
        other.size += 1
        let wrong = ChosenVersion(
            source: version.source, document: version.document, distribution: version.distribution, version: other)
        let fetch = VersionFetch(
            places: places, systems: SystemsLibrary(catalogs: library), cache: cache(), transfers: transfers)
        await #expect(throws: ImageIndexError.otherSize(expected: other.size, actual: Self.size)) {
            try await fetch.run(wrong, .whole)
        }
    }

    @Test func ofABootSetOnlyItsBlocksAreStored() async throws {
        try BootSetLibrary(places: places).record(BootSet([image.ids[2], image.ids[0]]), for: key)
        let cache = cache()
        let size = UInt64(2 * SmallImage.blockSize)
        let last = try await fetch(.bootSet, cache).last
        #expect(last?.done == size && last?.total == size)
        #expect(image.ids.map(cache.contains) == [true, false, true, false])
    }

    @Test func aBootSetThatNobodyRecordedCannotBeFetched() async throws {
        let error = await #expect(throws: VersionFetchError.self) { try await fetch(.bootSet, cache()) }
        #expect(error == .noBootSet(key))
    }

    @Test func whatTheCacheCannotKeepIsToldInBytes() async throws {
        let error = await #expect(throws: VersionFetchError.self) { try await fetch(.whole, cache(.bytes(1))) }
        guard case .notKept(let bytes) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect((1...Self.size).contains(bytes))
    }
}
