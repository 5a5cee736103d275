import Catalog
import ContentAddress
import ImageIndex
import Linux
import TestSupport
import Testing

@testable import Publisher

/// A tree with boot packs.
@Suite struct PackTreeTests {
    private let folder: TemporaryDirectory
    private let tree: PublishedTree
    private static let block = 262_144
    /// Pages of a block.
    private static let pages = 64

    init() throws {
        folder = try TemporaryDirectory()
        tree = try PublishedTree.create(
            path: folder.file("tree"), name: "Tests", description: "", keys: SigningKeys(folder: folder.file("keys")))
    }

    private func id(_ text: String) throws -> VersionID { try #require(VersionID(text)) }

    /// Blocks of random bytes, one of zeros, and a last one of 1000 bytes.
    @discardableResult
    private func add(_ version: String, _ seeds: [UInt64], _ options: PublishOptions? = nil) throws -> [UInt8] {
        try PublisherFixtures.writeImage(
            seeds.map { .random(PackTreeTests.block, seed: $0) } + [
                .hole(PackTreeTests.block), .random(1000, seed: 77),
            ], to: folder.file("a.img"))
        _ = try tree.add(
            try NewVersion(distribution: "d", version: version), image: folder.file("a.img"),
            options: try options ?? PublishOptions())
        return try folder.bytes("a.img")
    }

    private func run(_ start: Int, _ count: Int) -> PageRun { PageRun(start: start, count: count) }

    private func published(_ version: String) throws -> [PublishedPack] {
        try tree.catalog().distribution("d")?.version(id(version))?.packs ?? []
    }

    /// A pack's bytes, from the pieces in the store.
    private func bytes(_ pack: BootPack) throws -> [UInt8] {
        let verifier = try BlockVerifier(store: ChunkStoreFolder(path: tree.blocks))
        return try pack.pieces.flatMap {
            try verifier.bytes(of: WantedBlock(id: $0.id, length: $0.length, algorithm: .sha256, version: "d"))
        }
    }

    private func problems(
        _ options: VerifyOptions = VerifyOptions(), _ other: PublishedTree? = nil
    ) async throws -> [String] {
        let tree = other ?? tree
        return try await WorkerThread.run(name: "verify") {
            try TreeVerification(of: tree, options).run().problems.map(\.description)
        }
    }

    /// Signs another list in a pack's place.
    private func exchange(_ pack: PublishedPack, _ list: BootPack, of version: String) throws {
        let lock = try tree.lock()
        defer { lock.unlock() }
        try tree.change("d", id(version), files: [(pack.pack, Array(list.text.utf8))]) { $0.packs = [pack] }
    }

    @Test func itsPiecesArePagesInTheOrderOfTheirFirstRead() async throws {
        let image = try add("2026-11-16", [1, 2, 3, 4, 5, 6])
        let last = 7 * Self.pages
        let read = BootPages([run(100, 300), run(0, 30), run(last, 1), run(40, 5), run(last + 1, 9)])
        let packs = try tree.publish(read, of: "d", id("2026-11-16"))
        #expect(packs.map(\.pack) == ["d/2026-11-16.bootpack"])
        #expect(try published("2026-11-16") == packs)
        let pack = try tree.contents().pack(packs[0].pack)
        // The block of zeros, 384 to 447, and what lies outside the image are left out.
        #expect(pack.runs == [run(100, 284), run(0, 30), run(last, 1), run(40, 5)])
        #expect(pack.pieces.map(\.length) == [1 << 20, 63 * 4096 + 1000])
        let wanted = pack.runs.flatMap { image[($0.start * 4096)..<min($0.end * 4096, image.count)] }
        #expect(try bytes(pack) == wanted)
        #expect(packs[0].size == UInt64(wanted.count) && packs[0].storedSize == UInt64(pack.storedSize))
        try pack.check(index: tree.contents().digest(of: "d/2026-11-16.caibx"), imageSize: UInt64(image.count))
        #expect(try await problems().isEmpty)
    }

    @Test func readersOfTheVersionBeforeHaveOneOfWhatChanged() async throws {
        let read = BootPages([run(0, 10), run(70, 10), run(130, 10)])
        try add("2026-11-02", [9, 9, 9])
        try add("2026-11-09", [1, 2, 3])
        let image = try add("2026-11-16", [1, 8, 3])
        let packs = try tree.publish(read, of: "d", id("2026-11-16"))
        #expect(packs.map(\.pack) == ["d/2026-11-16.bootpack", "d/2026-11-16.from-2026-11-09.bootpack"])
        #expect(packs.map(\.basis) == [nil, "2026-11-09"])
        let pack = try tree.contents().pack(packs[1].pack)
        #expect(pack.runs == [run(70, 10)])
        #expect(try bytes(pack) == Array(image[(70 * 4096)..<(80 * 4096)]))
        let basis = try #require(pack.basis)
        #expect(try basis.version == "2026-11-09" && basis.index == tree.contents().digest(of: "d/2026-11-09.caibx"))
        #expect(try await problems().isEmpty)
        // Where nothing that is read changed, or all of it, one is enough.
        try add("2026-11-23", [1, 8, 3])
        #expect(try tree.publish(read, of: "d", id("2026-11-23")).count == 1)
        try add("2026-11-30", [21, 22, 23])
        #expect(try tree.publish(read, of: "d", id("2026-11-30")).count == 1)
        // The first has nobody before it.
        #expect(try tree.publish(read, of: "d", id("2026-11-02")).map(\.basis) == [nil])
        #expect(try await problems().isEmpty)
    }

    @Test func blocksThatAreNotOfWholePagesArePackedAsWell() async throws {
        let options = try PublishOptions(blockSize: 4096 + 512)
        try add("2026-11-09", [1, 2], options)
        let image = try add("2026-11-16", [1, 3], options)
        let packs = try tree.publish(BootPages([run(50, 100)]), of: "d", id("2026-11-16"))
        let lists = try packs.map { try tree.contents().pack($0.pack) }
        // Page 63 lies in a block that holds the first bytes of what changed, page 128 in one that holds the last.
        #expect(lists[1].runs == [run(63, 66)])
        for list in lists {
            #expect(
                try bytes(list) == list.runs.flatMap { image[($0.start * 4096)..<min($0.end * 4096, image.count)] })
        }
        #expect(try await problems().isEmpty)
    }

    @Test func nothingIsPackedOfNothing() throws {
        try add("2026-11-16", [1])
        #expect(try tree.publish(BootPages(), of: "d", id("2026-11-16")).isEmpty)
        #expect(try tree.publish(BootPages([run(64, 64)]), of: "d", id("2026-11-16")).isEmpty, "zeros")
        #expect(try tree.publish(BootPages([run(4000, 1)]), of: "d", id("2026-11-16")).isEmpty, "past the end")
        #expect(throws: PublisherError.self) { try tree.publish(BootPages([run(0, 1)]), of: "d", id("2026-11-23")) }
    }

    @Test func aPageThatIsNotTheImagesIsFoundByVerify() async throws {
        try add("2026-11-16", [1, 2])
        let pack = try tree.publish(BootPages([run(3, 2), run(80, 2)]), of: "d", id("2026-11-16"))[0]
        let good = try tree.contents().pack(pack.pack)
        // The same pieces under other pages: each digest is right, and the pages are not.
        let swapped = try BootPack(
            index: good.index, imageSize: good.imageSize, runs: [run(3, 1), run(80, 1), run(4, 1), run(81, 1)],
            pieces: good.pieces)
        try exchange(pack, swapped, of: "2026-11-16")
        #expect(
            try await problems() == [
                "d@2026-11-16: targets/d/2026-11-16.bootpack: page 80 is not what the image has there"
            ])
        // One of another version.
        let other = try BootPack(
            index: .sha256(of: [1]), imageSize: good.imageSize, runs: good.runs, pieces: good.pieces)
        try exchange(pack, other, of: "2026-11-16")
        #expect(try await problems().contains { $0.contains("of another version") })
        // One whose length the catalog does not say.
        var wrong = pack
        wrong.size += 1
        try exchange(wrong, good, of: "2026-11-16")
        #expect(try await problems().contains { $0.contains("the catalog says 16385 bytes") })
        try exchange(pack, good, of: "2026-11-16")
        #expect(try await problems().isEmpty)
    }

    @Test func anIncrementalLookComparesWhatItHasNotSeen() async throws {
        var options = VerifyOptions()
        options.isIncremental = true
        try add("2026-11-16", [1, 2])
        #expect(try await problems(options).isEmpty)
        let pack = try tree.publish(BootPages([run(3, 2), run(80, 2)]), of: "d", id("2026-11-16"))[0]
        let good = try tree.contents().pack(pack.pack)
        let swapped = try BootPack(
            index: good.index, imageSize: good.imageSize, runs: [run(80, 2), run(3, 2)], pieces: good.pieces)
        try exchange(pack, swapped, of: "2026-11-16")
        // What was found is found again.
        for _ in 0..<2 { #expect(try await problems(options).count == 1) }
        try exchange(pack, good, of: "2026-11-16")
        #expect(try await problems(options).isEmpty)
    }

    @Test func aPieceThatIsDamagedOrMissingIsFoundAndReplacedFromACopy() async throws {
        try add("2026-11-16", [1, 2])
        let pack = try tree.publish(BootPages([run(3, 2), run(80, 2)]), of: "d", id("2026-11-16"))[0]
        let copy = folder.file("copy")
        try await tree.mirror(to: copy)
        let other = try PublishedTree(path: copy, keys: SigningKeys(folder: folder.file("keys")))
        #expect(try await problems(VerifyOptions(), other).isEmpty)
        #expect(folder.files(below: "copy/blocks").count == folder.files(below: "tree/blocks").count)
        let piece = try tree.contents().pack(pack.pack).pieces[0]
        let path = ChunkStoreFolder(path: tree.blocks).path(of: piece.id)
        try AtomicFile.write([1, 2, 3], to: path)
        var found = try await problems()
        #expect(found.count == 1 && found[0].contains("d@2026-11-16, boot pack: block \(piece.id) is damaged"))
        _ = try Paths.remove(path)
        found = try await problems()
        #expect(found == ["d@2026-11-16, boot pack: block \(piece.id) is missing"])
        var options = VerifyOptions()
        options.repairSource = copy
        #expect(try await problems(options).isEmpty)
        #expect(try await problems().isEmpty)
    }

    @Test func aListThatIsCutIsFoundAndStopsAPrune() async throws {
        try add("2026-11-16", [1, 2])
        let pack = try tree.publish(BootPages([run(3, 2)]), of: "d", id("2026-11-16"))[0]
        let path = try #require(try tree.contents().path(of: pack.pack))
        try AtomicFile.write(try FileContents.read(path, limit: 1 << 20).dropLast(20).map { $0 }, to: path)
        #expect(try await problems().contains { $0.hasPrefix("targets/d/2026-11-16.bootpack: ") })
        let before = folder.files(below: "tree/blocks").count
        #expect(throws: PublisherError.self) { try tree.prune(PruneRule(), graceDays: 0) }
        #expect(folder.files(below: "tree/blocks").count == before)
    }

    @Test func anotherRecordingReplacesItAndItsPiecesGoWhenNoReaderCanAskForThem() async throws {
        try add("2026-11-09", [1, 2])
        try add("2026-11-16", [1, 3])
        let first = try tree.publish(BootPages([run(3, 2), run(80, 2)]), of: "d", id("2026-11-16"))
        #expect(first.count == 2)
        let old = try tree.contents().pack(first[0].pack).pieces[0]
        let second = try tree.publish(BootPages([run(80, 3)]), of: "d", id("2026-11-16"))
        #expect(try published("2026-11-16") == second && second.count == 1)
        #expect(try tree.contents().file(first[1].pack) == nil, "no version has it now")
        let store = ChunkStoreFolder(path: tree.blocks)
        // For readers of the catalog of a moment ago.
        #expect(try tree.prune(PruneRule(), graceDays: 0).sweptBlocks == 0)
        var later = tree
        later.clock = { Timestamp(seconds: Timestamp.now.seconds + 32 * 86_400) }
        _ = try later.renew()
        #expect(try later.prune(PruneRule()).sweptBlocks == 2)
        #expect(try !Paths.isThere(store.path(of: old.id)))
        #expect(try await problems().isEmpty)
        #expect(!folder.files(below: "tree/targets").contains { $0.hasSuffix(".from-2026-11-09.bootpack") })
    }

    @Test func itIsCountedAndGoesWithItsVersion() async throws {
        try add("2026-11-16", [1, 2])
        let before = try tree.prune(PruneRule(), dryRun: true).keptBytes
        let pack = try tree.publish(BootPages([run(3, 2), run(80, 2)]), of: "d", id("2026-11-16"))[0]
        let counted = try #require(try TreeStatistics(of: tree).distributions.first?.versions.first)
        #expect(counted.packStored == pack.storedSize && counted.packsStored == pack.storedSize)
        #expect(try TreeStatistics(of: tree).lines.contains { $0.contains("boot pack ") })
        #expect(try tree.prune(PruneRule(), dryRun: true).keptBytes == before + pack.storedSize)
        #expect(String(decoding: try folder.bytes("tree/index.html"), as: UTF8.self).contains("a start fetches "))
        try add("2026-11-30", [4, 5])
        let result = try tree.prune(PruneRule(keepWeeks: 1), graceDays: 0)
        #expect(result.removed.map(\.id.text) == ["2026-11-16"] && result.freedBytes >= pack.storedSize)
        #expect(try tree.contents().file(pack.pack) == nil && result.sweptBlocks == 0)
        #expect(try await problems().isEmpty)
        try tree.publish(BootPages([run(3, 2)]), of: "d", id("2026-11-30"))
        try tree.withdraw("d", id("2026-11-30"), why: "it does not boot")
        #expect(try tree.contents().names.allSatisfy { !$0.hasSuffix(".bootpack") })
    }
}
