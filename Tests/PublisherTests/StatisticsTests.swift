import Catalog
import ContentAddress
import Foundation
import ImageIndex
import Linux
import TestSupport
import Testing

@testable import Publisher

@Suite struct StatisticsTests {
    private let folder: TemporaryDirectory
    private let tree: PublishedTree
    private static let block = 262_144

    init() throws {
        folder = try TemporaryDirectory()
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
        get throws { try #require(try TreeStatistics(of: tree).distributions.first).versions }
    }

    @Test func growthAndSharesAddUp() throws {
        let versions = try versions
        #expect(versions.map(\.sharedBlocks) == [2, 2, 0])
        #expect(versions.allSatisfy { $0.sharedStored + $0.newStored == $0.stored })
        #expect(versions[0].cumulativeStored == (try TreeStatistics(of: tree).stored))
        #expect(versions[1].cumulativeStored == versions[2].stored + versions[1].newStored)
        #expect(versions[2].freedWithOlder == versions[0].newStored || versions[2].freedWithOlder > 262_000)
        #expect(versions[0].freedWithOlder == (try TreeStatistics(of: tree).stored))
        #expect(versions[1].freedWithOlder == versions[2].freedWithOlder + versions[1].newStored)
    }

    @Test func aFailedRecordingIsSaidUntilOneGoesWell() async throws {
        let id = try #require(VersionID("2026-11-16"))
        try tree.noteRecordingFailure("the guest <did> not start", of: "d", id)
        #expect(try versions[0].recordingError == "the guest <did> not start")
        let stats = try await BuiltProgram.run("oscircular-publish", ["stats", tree.path])
        #expect(stats.stdout.contains("recording failed: the guest <did> not start"))
        let page = try StatisticsPage(of: tree).html()
        #expect(page.contains(#""recordingError":"the guest \u003cdid> not start""#))
        #expect(page.contains("recording failed: the guest &lt;did&gt; not start"))
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
        for part in ["Growth of the store", "Shared between versions", "Boot set of"] {
            #expect(page.contains(part), "\(part)")
        }
        // A name of XML's, and no address.
        let asked = page.replacing("http://www.w3.org/2000/svg", with: "")
        for foreign in ["http:", "https:", "src=", "url(", "fetch(", "import("] {
            #expect(!asked.contains(foreign), "\(foreign)")
        }
        let nowhere = try await BuiltProgram.run(
            "oscircular-publish", ["stats", tree.path, "--html", folder.file("none/report.html")])
        #expect(nowhere.status == 73)
    }

    @Test func aTextOfThePublisherEndsNoScript() throws {
        let id = try #require(VersionID("2026-11-16"))
        // U+0D4E makes one character of itself and what follows.
        let text = "\u{0D4E}</script>\u{0D4E}<script>alert(1)</script>\u{0D4E}<!-- \u{1B}[2J"
        try tree.noteRecordingFailure(text, of: "d", id)
        let page = try StatisticsPage(of: tree).html()
        // As a browser reads it, by bytes.
        let bytes = Array(page.utf8)
        #expect(bytes.ranges(of: Array("<script".utf8)).count == 2)
        #expect(bytes.ranges(of: Array("</script>".utf8)).count == 2)
        #expect(bytes.ranges(of: Array("<!--".utf8)).isEmpty)
        #expect(!page.contains("\u{1B}"))
        // The data says what it said.
        let start = try #require(page.range(of: #"id="data">"#)?.upperBound)
        let end = try #require(page.range(of: "</script>", range: start..<page.endIndex)?.lowerBound)
        let data = try #require(
            try JSONSerialization.jsonObject(with: Data(page[start..<end].utf8)) as? [String: Any])
        #expect(data["title"] as? String == "A <b> & C")
        let shown = try #require(data["statistics"] as? [String: Any])
        let distributions = try #require(shown["distributions"] as? [[String: Any]])
        let versions = try #require(distributions.first?["versions"] as? [[String: Any]])
        #expect(versions.first?["recordingError"] as? String == text)
    }

    @Test func aTreeOfOneVersionHasAPage() throws {
        let one = try PublishedTree.create(
            path: folder.file("one"), name: "one", description: "", keys: SigningKeys(folder: folder.file("one-keys")))
        #expect(try StatisticsPage(of: one).html().contains(#""distributions":[]"#))
        _ = try one.add(
            try NewVersion(distribution: "d", version: "2026-11-16"), image: folder.file("image"),
            options: try PublishOptions())
        let page = try StatisticsPage(of: one).html()
        #expect(page.contains(#""shares":{"d":{"parts":[[1]],"versions":["2026-11-16"]}}"#))
        #expect(page.contains(#""bootSets":{}"#))
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
