import Catalog
import ContentAddress
import ImageIndex
import Linux
import TestSupport
import Testing

@testable import Publisher

@Suite struct StatisticsTests {
    private let folder: ScratchFolder
    private let tree: PublishedTree
    private static let block = 262_144

    init() throws {
        folder = try ScratchFolder()
        tree = try PublishedTree.create(
            path: folder.file("tree"), name: "A <b> & C", description: "",
            keys: SigningKeys(folder: folder.file("keys")))
        for (position, day) in ["2026-11-02", "2026-11-09", "2026-11-16"].enumerated() {
            try PublisherFixtures.writeImage(
                [
                    .random(StatisticsTests.block, seed: 1),
                    .random(StatisticsTests.block, seed: UInt64(10 + position)), .hole(StatisticsTests.block),
                ], to: folder.file("image"))
            _ = try tree.add(
                try NewVersion(distribution: "d", version: day), image: folder.file("image"),
                options: try PublishOptions())
        }
    }

    private var versions: [TreeStatistics.Version] {
        get throws { try #require(try tree.statistics().distributions.first).versions }
    }

    @Test func growthAndSharesAddUp() throws {
        let versions = try versions
        #expect(versions.map(\.sharedBlocks) == [2, 2, 0])
        #expect(versions.allSatisfy { $0.sharedStored + $0.newStored == $0.stored })
        #expect(versions[0].cumulativeStored == (try tree.statistics().stored))
        #expect(versions[1].cumulativeStored == versions[2].stored + versions[1].newStored)
        #expect(versions[2].freedWithOlder == versions[0].newStored || versions[2].freedWithOlder > 262_000)
        #expect(versions[0].freedWithOlder == (try tree.statistics().stored))
        #expect(versions[1].freedWithOlder == versions[2].freedWithOlder + versions[1].newStored)
    }

    @Test func aFailedRecordingIsSaidUntilOneGoesWell() async throws {
        let id = try #require(VersionID("2026-11-16"))
        try tree.noteRecordingFailure("the guest <did> not start", of: "d", id)
        #expect(try versions[0].recordingError == "the guest <did> not start")
        let stats = try await BuiltProgram.run("oscircular-publish", ["stats", tree.path])
        #expect(stats.stdout.contains("recording failed: the guest <did> not start"))
        #expect(try tree.report().contains("was not recorded: the guest &lt;did&gt; not start"))
        let index = try tree.contents().index("d/2026-11-16.caibx")
        try tree.publish(BootSet([try index.block(at: 1).id]), of: "d", id)
        #expect(try versions[0].recordingError == nil)
        #expect(try versions[0].bootSetBlocks == 1)
        #expect(try versions[0].bootSetStored ?? 0 > 262_000)
        #expect(try versions[1].bootSetBlocks == nil)
    }

    @Test func theReportIsOnePageThatAsksForNothing() async throws {
        let index = try tree.contents().index("d/2026-11-16.caibx")
        try tree.publish(
            BootSet([try index.block(at: 1).id]), of: "d", try #require(VersionID("2026-11-16")))
        let made = try await BuiltProgram.run(
            "oscircular-publish", ["stats", tree.path, "--html", folder.file("report.html")])
        #expect(made.status == 0, "\(made.stderr)")
        let page = try FileContents.readText(folder.file("report.html"), limit: 1 << 24)
        #expect(page.hasPrefix("<!DOCTYPE html>"))
        #expect(page.contains("A &lt;b&gt; &amp; C"))
        for part in ["Growth of the store", "Shared between versions", "Boot set of 2026-11-16"] {
            #expect(page.contains(part), "\(part)")
        }
        for foreign in ["http:", "https:", "<script", "src=", "url("] { #expect(!page.contains(foreign), "\(foreign)") }
        let nowhere = try await BuiltProgram.run(
            "oscircular-publish", ["stats", tree.path, "--html", folder.file("none/report.html")])
        #expect(nowhere.status == 73)
    }

    @Test func theHeatMapHasEveryBlockOfTheBootSet() throws {
        let index = try tree.contents().index("d/2026-11-16.caibx")
        let set = BootSet([try index.block(at: 1).id, try index.block(at: 0).id])
        let map = try BootHeatMap(version: "v", bootSet: set, index: index)
        #expect(map.cells.map(\.read) == [1, 1, 0])
        #expect(map.cells.map(\.first) == [1, 0, 1])
        #expect(map.cells.map(\.hasData) == [true, true, false])
    }
}
