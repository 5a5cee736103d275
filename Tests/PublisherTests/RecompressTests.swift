import Catalog
import ContentAddress
import ImageIndex
import Linux
import TestSupport
import Testing

@testable import Publisher

/// Two weeks of one system that share a block of the boot set, both published at the usual level.
@Suite struct RecompressTests {
    private let folder: TemporaryDirectory
    private let tree: PublishedTree
    /// The newer version's blocks.
    private let ids: [BlockID]

    init() throws {
        folder = try TemporaryDirectory()
        tree = try PublishedTree.create(
            path: folder.file("tree"), name: "Tests", description: "", keys: SigningKeys(folder: folder.file("keys")))
        for (day, seeds) in [("2026-11-09", [1, 2, 3]), ("2026-11-16", [1, 2, 4])] as [(String, [UInt64])] {
            try WordyImage.write(seeds, to: folder.file("a.img"))
            _ = try tree.add(
                try NewVersion(distribution: "d", version: day), image: folder.file("a.img"),
                options: try PublishOptions())
        }
        let index = try tree.contents().index("d/2026-11-16.caibx")
        ids = try (0..<3).map { try index.block(at: $0).id }
    }

    private func record(_ positions: [Int]) throws {
        try tree.publish(BootSet(positions.map { ids[$0] }), of: "d", try #require(VersionID("2026-11-16")))
    }

    private func path(_ id: BlockID) -> String { "\(tree.path)/blocks/\(id.chunkStorePath)" }

    private func sizes() throws -> [Int] { try ids.map { try FileContents.read(path($0), limit: 1 << 20).count } }

    /// What the catalog says of the newer version and of the older one.
    private func storedSizes() throws -> [UInt64?] {
        try #require(try tree.catalog().distribution("d")).versions.map(\.storedSize)
    }

    private func problems() async throws -> [TreeProblem] {
        try await WorkerThread.run(name: "verify") { [tree] in try TreeVerification(of: tree).run().problems }
    }

    private func stamp() throws -> [UInt8] { try folder.bytes("tree/metadata/timestamp.json") }

    @Test func blocksOfTheBootSetAreSmallerAndTheCatalogSaysSoOfAllVersionsThatHaveThem() async throws {
        try record([1, 2])
        let (before, said) = try (sizes(), storedSizes())
        let result = try tree.recompress("d")
        let after = try sizes()
        #expect(after[0] == before[0], "no start reads it")
        #expect(after[1] < before[1] - 1000 && after[2] < before[2] - 1000, "\(before) \(after)")
        #expect(result.blocks == 2 && result.smaller == 2)
        #expect(result.before == UInt64(before[1] + before[2]) && result.after == UInt64(after[1] + after[2]))
        let saved = [before[1] - after[1] + before[2] - after[2], before[1] - after[1]].map { UInt64($0) }
        #expect(try storedSizes() == zip(said, saved).map { size, saved in size.map { $0 - saved } })
        // Same content under the same names, and nothing is left beside it.
        #expect(try await problems().isEmpty)
        #expect(folder.files(below: "tree/blocks").allSatisfy { $0.hasSuffix(".cacnk") })
    }

    @Test func ofWhatIsNewOnlyThatIsCompressedAgain() throws {
        try record([1, 2])
        let before = try sizes()
        let newer = try #require(VersionID("2026-11-16"))
        #expect(try tree.recompress("d", newer, isOfNew: true).blocks == 1)
        let after = try sizes()
        #expect(after[1] == before[1] && after[2] < before[2] - 1000, "\(before) \(after)")
        // All of the first version is new.
        try tree.publish(BootSet([ids[0]]), of: "d", try #require(VersionID("2026-11-09")))
        #expect(try tree.recompress("d", VersionID("2026-11-09"), isOfNew: true).smaller == 1)
    }

    @Test func aSecondTimeChangesNothing() throws {
        try record([1])
        #expect(try tree.recompress("d").smaller == 1)
        let (stamp, sizes) = try (stamp(), sizes())
        let again = try tree.recompress("d")
        #expect(again == RecompressedBlocks(blocks: 1, smaller: 0, before: again.before, after: again.before))
        #expect(try self.stamp() == stamp && self.sizes() == sizes)
        // A lower level would make them larger.
        #expect(try tree.recompress("d", level: 1).smaller == 0)
        #expect(try self.sizes() == sizes)
    }

    @Test func whatAnInterruptedRunLeftIsSaidByTheNext() throws {
        try record([1, 2])
        let said = try storedSizes()
        let cancellation = Cancellation()
        cancellation.cancel(signal: 15)
        #expect(throws: PublisherError.interrupted(signal: 15)) {
            try tree.recompress("d", cancellation: cancellation)
        }
        #expect(try storedSizes() == said)
        // As far as the blocks, and not as far as the catalog.
        let wanted = WantedBlock(id: ids[1], length: WordyImage.block, algorithm: .sha256, version: "d")
        _ = try BlockRecompression([wanted]).run(
            in: ChunkStoreFolder(path: tree.blocks), level: 19, progress: PublishProgress(),
            cancellation: Cancellation())
        #expect(try storedSizes() == said)
        let before = try sizes()
        #expect(try tree.recompress("d", level: 1).smaller == 0)
        #expect(try storedSizes()[0] == UInt64(before.reduce(0, +)))
    }

    @Test func aDamagedBlockIsLeftAsItIsAndNamed() throws {
        try record([1])
        var bytes = try FileContents.read(path(ids[1]), limit: 1 << 20)
        bytes[bytes.count / 2] ^= 1
        try AtomicFile.write(bytes, to: path(ids[1]))
        let (stamp, ids) = try (stamp(), ids)
        let error = #expect(throws: PublisherError.self) { try tree.recompress("d") }
        guard case .damagedBlock(path(ids[1]), _) = error else { Issue.record("\(String(describing: error))"); return }
        #expect(try FileContents.read(path(ids[1]), limit: 1 << 20) == bytes)
        #expect(try self.stamp() == stamp)
        try Paths.remove(path(ids[1]))
        let missing = #expect(throws: PublisherError.self) { try tree.recompress("d") }
        guard case .unreadable(let cause) = missing else { Issue.record("\(String(describing: missing))"); return }
        #expect(cause.number == .noSuchFile)
    }

    @Test func aVersionWithABlockMissingKeepsTheSizeThatItHad() throws {
        try record([1])
        let said = try storedSizes()
        try Paths.remove(path(ids[2]))
        _ = try tree.recompress("d")
        let now = try storedSizes()
        #expect(now[0] == said[0] && now[1] != said[1])
    }

    @Test func withoutABootSetThereIsNothingToDo() throws {
        let stamp = try stamp()
        let error = #expect(throws: PublisherError.self) { try tree.recompress("d") }
        guard case .refused(let reason) = error else { Issue.record("\(String(describing: error))"); return }
        #expect(reason == "d has no boot set: record or derive one first")
        #expect(throws: PublisherError.self) { try tree.recompress("plan9") }
        #expect(throws: PublisherError.self) { try tree.recompress("d", VersionID("2026-11-17")) }
        #expect(throws: PublisherError.self) { try tree.recompress("d", level: 0) }
        #expect(try self.stamp() == stamp)
    }

    @Test func theCommandSaysWhatItDid() async throws {
        let fixture = try TreeFixture()
        try await fixture.must("init", fixture.tree)
        try WordyImage.write([1, 2], to: fixture.folder.file("a.img"))
        try await fixture.must("add", fixture.tree, "d", "2026-11-16", fixture.folder.file("a.img"))
        let none = try await fixture.run("recompress", fixture.tree, "d", "2026-11-16")
        #expect(none.status == 65 && none.stderr.contains("d@2026-11-16 has no boot set"), "\(none.stderr)")
        let own = try PublishedTree(path: fixture.tree, keys: SigningKeys(folder: fixture.folder.file("keys")))
        let index = try own.contents().index("d/2026-11-16.caibx")
        try own.publish(BootSet([try index.block(at: 1).id]), of: "d", try #require(VersionID("2026-11-16")))
        let done = try await fixture.must("recompress", fixture.tree, "d")
        #expect(done.hasPrefix("recompressed: 1 of 1 blocks, "), "\(done)")
        #expect(try await fixture.run("recompress", fixture.tree, "d", "--level", "99").status == 64)
    }
}
