import Catalog
import ContentAddress
import ImageIndex
import Linux
import TestSupport
import Testing

@testable import Publisher

/// Weeks of one system, of which some were recorded.
@Suite struct DerivedBootSetTests {
    private let folder: TemporaryDirectory
    private let tree: PublishedTree

    init() throws {
        folder = try TemporaryDirectory()
        tree = try PublishedTree.create(
            path: folder.file("tree"), name: "Tests", description: "", keys: SigningKeys(folder: folder.file("keys")))
    }

    private func add(_ day: String, _ seeds: [UInt64], options: PublishOptions? = nil) throws {
        try WordyImage.write(seeds, to: folder.file("a.img"))
        _ = try tree.add(
            try NewVersion(distribution: "d", version: day), image: folder.file("a.img"),
            options: try options ?? PublishOptions())
    }

    private func version(_ day: String) throws -> DistributionVersion {
        try #require(try tree.catalog().distribution("d")?.version(try id(day)))
    }

    private func id(_ day: String) throws -> VersionID { try #require(VersionID(day)) }

    /// The ids of some blocks of a version.
    private func ids(_ day: String, _ positions: [Int]) throws -> [BlockID] {
        let index = try tree.contents().index("d/\(day).caibx")
        return try positions.map { try index.block(at: $0).id }
    }

    private func record(_ day: String, _ positions: [Int]) throws {
        try tree.publish(BootSet(try ids(day, positions)), of: "d", id(day))
    }

    /// The published boot set of a version.
    private func bootSet(_ day: String) throws -> [BlockID]? {
        let contents = try tree.contents()
        return try version(day).bootSet.flatMap { contents.bootSet($0)?.ids }
    }

    private func problems() async throws -> [TreeProblem] {
        try await WorkerThread.run(name: "verify") { [tree] in try TreeVerification(of: tree).run().problems }
    }

    private func stored(_ id: BlockID) throws -> Int {
        try FileContents.read("\(tree.path)/blocks/\(id.chunkStorePath)", limit: 1 << 20).count
    }

    @Test func aNewVersionHasOneFromTheRecordedOneBeforeItUntilItIsRecordedItself() async throws {
        try add("2026-11-09", [1, 2, 3, 4])
        #expect(try version("2026-11-09").bootSet == nil, "there is nothing to derive it from")
        try record("2026-11-09", [3, 1])
        try add("2026-11-16", [1, 20, 3, 4])
        #expect(try version("2026-11-16").bootSetFrom == id("2026-11-09"))
        #expect(try bootSet("2026-11-16") == ids("2026-11-16", [3, 1]))
        // A guess is not guessed from.
        try add("2026-11-23", [1, 20, 30, 4])
        #expect(try version("2026-11-23").bootSetFrom == id("2026-11-09"))
        #expect(try await problems().isEmpty)

        try record("2026-11-16", [0])
        #expect(try version("2026-11-16").bootSetFrom == nil)
        #expect(try bootSet("2026-11-16") == ids("2026-11-16", [0]))
        #expect(try version("2026-11-16").recordedBootSet == "d/2026-11-16.bootset")
    }

    @Test func blocksThatAStartWillProbablyReadAreCompressedHarderBeforeTheyArePublished() throws {
        try add("2026-11-09", [1, 2, 3, 4])
        try record("2026-11-09", [1])
        try add("2026-11-16", [1, 20, 3, 40])
        let (hard, light) = try (stored(ids("2026-11-16", [1])[0]), stored(ids("2026-11-16", [3])[0]))
        // The same words in another order: what differs is the level.
        #expect(hard < light - 1000, "\(hard) and \(light)")
        // What the catalog says is what is there.
        let version = try version("2026-11-16")
        let sizes = try ids("2026-11-16", [0, 1, 2, 3]).map(stored)
        #expect(version.storedSize == UInt64(sizes.reduce(0, +)))
        #expect(version.addedSize == UInt64(hard + light))
    }

    @Test func thePublisherChoosesHowHard() throws {
        try add("2026-11-09", [1, 2])
        try record("2026-11-09", [1])
        try add("2026-11-16", [1, 20], options: try PublishOptions(bootCompressionLevel: 3))
        let plain = try stored(ids("2026-11-16", [1])[0])
        try add("2026-11-23", [1, 30], options: try PublishOptions(bootCompressionLevel: 12))
        #expect(try stored(ids("2026-11-23", [1])[0]) < plain - 1000)
        // All blocks harder than those: then these, too.
        try add("2026-11-30", [1, 40], options: try PublishOptions(compressionLevel: 12, bootCompressionLevel: 1))
        #expect(try stored(ids("2026-11-30", [1])[0]) < plain - 1000)
        for level in [0, 23, -200_000] {
            #expect(throws: PublisherError.self) { try PublishOptions(bootCompressionLevel: level) }
        }
    }

    @Test func olderVersionsGetTheirsWhenTheyAreAskedFor() async throws {
        try add("2026-11-02", [1, 2, 3])
        try add("2026-11-09", [1, 2, 30])
        try add("2026-11-16", [1, 20, 30])
        try record("2026-11-16", [2, 1, 0])
        let derived = try tree.deriveBootSets(of: "d")
        #expect(derived.map(\.version.text) == ["2026-11-09", "2026-11-02"])
        #expect(try derived.allSatisfy { try $0.from == id("2026-11-16") && $0.blocks == 3 })
        #expect(try bootSet("2026-11-02") == ids("2026-11-02", [2, 1, 0]))
        #expect(try bootSet("2026-11-16") == ids("2026-11-16", [2, 1, 0]), "its own stays")
        #expect(try await problems().isEmpty)
        // Again, with nothing new: nothing is signed.
        let stamp = try folder.bytes("tree/metadata/timestamp.json")
        #expect(try tree.deriveBootSets(of: "d").isEmpty)
        #expect(try folder.bytes("tree/metadata/timestamp.json") == stamp)
        // A nearer one was recorded.
        try record("2026-11-02", [0])
        #expect(
            try tree.deriveBootSets(of: "d")
                == [DerivedBootSet(version: id("2026-11-09"), from: id("2026-11-02"), blocks: 1)])
        #expect(try bootSet("2026-11-09") == ids("2026-11-09", [0]))
        // Recorded again, with other blocks.
        try record("2026-11-02", [0, 1])
        #expect(try tree.deriveBootSets(of: "d").map(\.blocks) == [2])
    }

    @Test func aRecordingThatCannotBeReadIsPassedOverForTheNext() throws {
        try add("2026-11-02", [1, 2, 3])
        try record("2026-11-02", [2])
        try add("2026-11-09", [1, 2, 3, 4])
        try record("2026-11-09", [0, 1])
        let path = try #require(try tree.contents().path(of: "d/2026-11-09.bootset"))
        try AtomicFile.write("no boot set", to: path)
        try add("2026-11-16", [1, 20, 3, 4])
        #expect(try version("2026-11-16").bootSetFrom == id("2026-11-02"))
        // Nor is one without its index.
        try Paths.remove(try #require(try tree.contents().path(of: "d/2026-11-02.caibx")))
        try add("2026-11-23", [1, 20, 3, 4])
        #expect(try version("2026-11-23").bootSet == nil)
    }

    @Test func anImageThatSharesNothingGetsNone() throws {
        try add("2026-11-09", [1, 2, 3, 4])
        try record("2026-11-09", [3, 2])
        try add("2026-11-16", [5, 6, 7, 8])
        #expect(try version("2026-11-16").bootSet == nil && version("2026-11-16").bootSetFrom == nil)
        #expect(try tree.deriveBootSets(of: "d").isEmpty)
    }

    @Test func statisticsSayWhereItIsFrom() throws {
        try add("2026-11-09", [1, 2])
        try record("2026-11-09", [0, 1])
        try add("2026-11-16", [1, 20])
        let statistics = try TreeStatistics(of: tree)
        #expect(statistics.distributions[0].versions.map(\.bootSetFrom) == ["2026-11-09", nil])
        #expect(statistics.lines.contains { $0.contains("boot set derived from 2026-11-09") })
        // The picture of where a start reads is of one that was recorded.
        #expect(try StatisticsPage(of: tree).html().contains(#""bootSets":{"d":"#))
        #expect(try StatisticsPage(of: tree).bootSets["d"]?.version == "2026-11-09")
    }

    @Test func theCommandSaysWhatItDid() async throws {
        let fixture = try TreeFixture()
        try await fixture.must("init", fixture.tree)
        try await fixture.must("add", fixture.tree, "debian", "2026-11-09", try fixture.image([1, 2]))
        try await fixture.must("add", fixture.tree, "debian", "2026-11-16", try fixture.image([1, 3]))
        let own = try PublishedTree(path: fixture.tree, keys: SigningKeys(folder: fixture.folder.file("keys")))
        let index = try own.contents().index("debian/2026-11-16.caibx")
        let ids = try [1, 0].map { try index.block(at: $0).id }
        try own.publish(BootSet(ids), of: "debian", id("2026-11-16"))
        let first = try await fixture.must("derive", fixture.tree, "debian")
        #expect(first.contains("derived: debian@2026-11-09, 2 blocks, from 2026-11-16"), "\(first)")
        #expect(try await fixture.must("derive", fixture.tree, "debian").contains("nothing to derive"))
        let none = try await fixture.run("derive", fixture.tree, "plan9")
        #expect(none.status == 64 && none.stderr.contains("the catalog has no distribution plan9"), "\(none.stderr)")
    }
}
