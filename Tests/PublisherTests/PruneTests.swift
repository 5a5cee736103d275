import Catalog
import ContentAddress
import Glibc
import ImageIndex
import Linux
import Synchronization
import TestSupport
import Testing

@testable import Publisher

/// Old versions go, and never a block that a reader can still ask for.
@Suite struct PruneTests {
    private let folder: TemporaryDirectory
    private let tree: PublishedTree
    private static let block = 262_144

    init() throws {
        folder = try TemporaryDirectory()
        tree = try PublishedTree.create(
            path: folder.file("tree"), name: "Tests", description: "", keys: SigningKeys(folder: folder.file("keys")))
    }

    /// A version of one block that all have, one that two weeks share, and one of its own.
    @discardableResult
    private func add(
        _ id: String, week: Int, to distribution: String = "d", by other: PublishedTree? = nil
    ) throws -> DistributionVersion {
        let image = folder.file("image")
        try PublisherFixtures.writeImage(
            [
                .random(PruneTests.block, seed: 1), .random(PruneTests.block, seed: UInt64(100 + week / 2)),
                .random(PruneTests.block, seed: UInt64(1000 + week)), .hole(PruneTests.block),
            ], to: image)
        return try (other ?? tree).add(
            try NewVersion(distribution: distribution, version: id), image: image, options: try PublishOptions()
        ).version
    }

    /// Weekly versions 2026-09-07, …-14, ….
    private func addWeeks(_ count: Int) throws {
        for week in 0..<count {
            try add(CalendarDate(dayNumber: day("2026-09-07") + Int64(7 * week)).description, week: week)
        }
    }

    private func day(_ text: String) -> Int64 { CalendarDate(text)?.dayNumber ?? 0 }

    private func ids(_ distribution: String = "d") throws -> [String] {
        try tree.catalog().distribution(distribution)?.versions.map(\.id.text) ?? []
    }

    private var blockFiles: Int { folder.files(below: "tree/blocks").count }

    /// Whether ``TreeVerification`` finds nothing. It waits for the disk, so it has a thread of its own.
    private func isWhole(_ tree: PublishedTree) async throws -> Bool {
        try await WorkerThread.run(name: "verify") { try TreeVerification(of: tree).run().problems.isEmpty }
    }

    /// The same tree, so many days later.
    private func later(days: Int) throws -> PublishedTree {
        var later = tree
        later.clock = { Timestamp(seconds: Timestamp.now.seconds + Int64(days * 86_400)) }
        _ = try later.renew()
        return later
    }

    @Test func oldWeeksLeaveTheCatalogAndTheirBlocksWaitForReaders() async throws {
        try addWeeks(6)
        let before = blockFiles
        let promised = try #require(try TreeStatistics(of: tree).distributions.first).versions[3].freedWithOlder
        let dry = try tree.prune(PruneRule(keepWeeks: 3), graceDays: 0, dryRun: true)
        #expect(try ids().count == 6)
        let result = try tree.prune(PruneRule(keepWeeks: 3), graceDays: 0)
        #expect(dry == result)
        #expect(result.removed.map(\.id.text) == ["2026-09-07", "2026-09-14", "2026-09-21"])
        #expect(try ids() == ["2026-10-12", "2026-10-05", "2026-09-28"])
        // Three of their own, and the one that the first two share; the third shares its with the fourth.
        #expect(result.freedBlocks == 4)
        #expect(result.freedBytes == promised)
        // Readers of the catalog of a moment ago may ask for them: whatever the grace, they stay.
        #expect(result.sweptBlocks == 0)
        #expect(result.waitingBlocks == 4)
        #expect(result.waitingBytes == promised)
        #expect(blockFiles == before)
        #expect(try await isWhole(tree))
        #expect(try tree.prune(PruneRule(keepWeeks: 3), graceDays: 0).removed.isEmpty)
    }

    @Test func blocksGoWhenTheLastCatalogThatLedToThemHasExpired() async throws {
        try addWeeks(6)
        let bytes = {
            folder.files(below: "tree/blocks").reduce(UInt64(0)) { $0 + UInt64((try? folder.bytes($1).count) ?? 0) }
        }
        let before = bytes()
        let promised = try tree.prune(PruneRule(keepWeeks: 3)).freedBytes
        #expect(try later(days: 29).prune(PruneRule(keepWeeks: 3)).sweptBlocks == 0)
        let late = try later(days: 32)
        let dry = try late.prune(PruneRule(keepWeeks: 3), dryRun: true)
        #expect(dry.sweptBlocks == 4)
        #expect(bytes() == before)
        let swept = try late.prune(PruneRule(keepWeeks: 3))
        #expect(swept.sweptBlocks == 4)
        #expect(swept.sweptBytes == promised)
        #expect(before - bytes() == promised)
        #expect(swept.waitingBlocks == 0)
        // Their indexes, and old catalogs and metadata.
        #expect(swept.sweptFiles > 9)
        #expect(!folder.files(below: "tree/targets").contains { $0.hasSuffix("2026-09-07.caibx") })
        #expect(folder.files(below: "tree/metadata").contains("tree/metadata/1.root.json"))
        #expect(try await isWhole(late))
        try add("2026-11-02", week: 1, by: late)
        #expect(try await isWhole(late))
    }

    @Test func aBlockThatWasTouchedWaitsForItsGrace() async throws {
        try addWeeks(2)
        let all = Set(folder.files(below: "tree/blocks"))
        _ = try tree.prune(PruneRule(keepWeeks: 1))
        // An image of 'make' whose index lies elsewhere: only the time tells that its block is in use.
        let late = try later(days: 32)
        let newest = try #require(try tree.catalog().distribution("d")?.versions.first)
        var live: Set<String> = []
        try tree.contents().index(newest.index).forEachBlock { live.insert("tree/blocks/\($0.id.chunkStorePath)") }
        let unnamed = try #require(all.subtracting(live).first)
        func touch(daysAgo days: Int) throws {
            try Paths.setTimes(folder.file(unnamed), seconds: time(nil) + (32 - days) * 86_400)
        }
        try touch(daysAgo: 14)
        let waiting = try late.prune(PruneRule(keepWeeks: 1), graceDays: 15)
        #expect(waiting.waitingBlocks == 1)
        #expect(waiting.sweptBlocks == 0)
        #expect(folder.files(below: "tree/blocks").contains(unnamed))
        try touch(daysAgo: 16)
        let swept = try late.prune(PruneRule(keepWeeks: 1), graceDays: 15)
        #expect(swept.waitingBlocks == 0)
        #expect(swept.sweptBlocks == 1)
        #expect(!folder.files(below: "tree/blocks").contains(unnamed))
        #expect(try await isWhole(late))
    }

    @Test func whatCannotBeReadOfAnOldCatalogStopsTheSweep() throws {
        try addWeeks(3)
        _ = try tree.prune(PruneRule(keepWeeks: 1))
        let before = Set(folder.files(below: "tree"))
        // A catalog of a moment ago, its list of indexes, an index of it, and what waits for a key.
        let newest = try tree.contents().state
        var paths = [
            "tree/drafts", "tree/metadata", "tree/metadata/\(newest.snapshot.header.version - 1).snapshot.json",
        ]
        let targets = try newest.targets().header.version
        paths.append("tree/metadata/\(targets - 1).targets.json")
        paths.append(try #require(before.first { $0.hasSuffix("2026-09-07.caibx") }))
        for path in paths {
            FileCalls.watch { [folder] call, place in
                call == "open" && place == folder.file(path) ? .error(ESTALE) : nil
            }
            defer { FileCalls.watch(nil) }
            #expect(throws: PublisherError.self, "\(path)") { try tree.prune(PruneRule(keepWeeks: 1), graceDays: 0) }
            #expect(before.isSubset(of: folder.files(below: "tree")), "\(path)")
        }
    }

    @Test func aFolderOfMetadataThatLosesTheNewestCatalogStopsTheSweep() throws {
        try addWeeks(2)
        let before = Set(folder.files(below: "tree"))
        // The newest snapshot vanishes between the look at the catalog and the look for what it needs.
        let newest = try tree.contents().state.snapshot.header.version
        let opened = Mutex(0)
        FileCalls.watch { [folder] call, path in
            guard call == "open", path == folder.file("tree/metadata/\(newest).snapshot.json") else { return nil }
            return opened.withLock {
                $0 += 1; return $0
            } > 1 ? .error(ENOENT) : nil
        }
        defer { FileCalls.watch(nil) }
        #expect { try tree.prune(PruneRule(), graceDays: 0) } throws: { error in
            if case PublisherError.metadata = error { true } else { false }
        }
        #expect(before.isSubset(of: folder.files(below: "tree")))
    }

    @Test func theNewestAndPinnedVersionsStay() throws {
        try addWeeks(4)
        try add("2020-01-06", week: 9, to: "old")
        try tree.pin("d", try #require(VersionID("2026-09-07")), true)
        let result = try tree.prune(PruneRule(keepWeeks: 1))
        #expect(result.removed.map(\.id.text) == ["2026-09-14", "2026-09-21"])
        #expect(try ids() == ["2026-09-28", "2026-09-07"])
        #expect(try ids("old") == ["2020-01-06"])
        try tree.pin("d", try #require(VersionID("2026-09-07")), false)
        #expect(try tree.prune(PruneRule(maxBytes: 0)).removed.map(\.id.text) == ["2026-09-07"])
        #expect(try ids() == ["2026-09-28"])
        #expect(throws: PublisherError.noSuchVersion(distribution: "d", version: try #require(VersionID("2026-09-07"))))
        {
            try tree.pin("d", try #require(VersionID("2026-09-07")), true)
        }
    }

    @Test func byBytesTheOldestGoUntilTheOthersFit() throws {
        try addWeeks(6)
        let all = try TreeStatistics(of: tree)
        let versions = try #require(all.distributions.first).versions
        let limit = all.stored - versions[4].freedWithOlder
        let result = try tree.prune(PruneRule(maxBytes: limit), dryRun: true)
        #expect(result.removed.map(\.id.text) == ["2026-09-07", "2026-09-14"])
        #expect(result.keptBytes == limit)
        #expect(try tree.prune(PruneRule(maxBytes: limit - 1), dryRun: true).removed.count == 3)
        #expect(try tree.prune(PruneRule(maxBytes: all.stored), dryRun: true).removed.isEmpty)
    }

    @Test func whatOtherDistributionsNeedIsNotFreed() throws {
        try addWeeks(2)
        try add("2026-09-07", week: 0, to: "e")
        #expect(try tree.prune(PruneRule(keepWeeks: 1), dryRun: true).freedBlocks == 0)
        #expect(try tree.prune(PruneRule(keepWeeksOf: ["e": 1]), dryRun: true).removed.isEmpty)
    }

    @Test func aDamagedIndexStopsTheSweep() throws {
        try addWeeks(3)
        let late = try later(days: 60)
        let index = try #require(folder.files(below: "tree/targets").first { $0.hasSuffix("2026-09-21.caibx") })
        var bytes = try folder.bytes(index)
        bytes[70] ^= 1
        try AtomicFile.write(bytes, to: folder.file(index))
        let before = blockFiles
        #expect(throws: PublisherError.self) { try late.prune(PruneRule(keepWeeks: 1), graceDays: 0) }
        #expect(blockFiles == before)
    }

    @Test func aWrongClockRemovesNothing() throws {
        try addWeeks(2)
        var wrong = tree
        wrong.clock = { Timestamp(seconds: Timestamp.now.seconds + 400 * 86_400) }
        #expect {
            try wrong.prune(PruneRule(keepWeeks: 1))
        } throws: { error in
            if case PublisherError.clock = error { true } else { false }
        }
        #expect(try ids().count == 2)
    }

    @Test func whoeverAddsBlocksKeepsTheSweepAway() throws {
        try addWeeks(2)
        let maker = try StoreLock.take(tree.blocks, exclusive: false)
        #expect(throws: PublisherError.busy(path: tree.path)) { try tree.prune(PruneRule(keepWeeks: 1)) }
        // Adding is not kept away, and a dry run is not.
        try add("2026-11-02", week: 7)
        _ = try tree.prune(PruneRule(keepWeeks: 1), dryRun: true)
        maker.unlock()
        let sweeper = try StoreLock.take(tree.blocks, exclusive: true)
        #expect(throws: PublisherError.busy(path: tree.path)) { try add("2026-11-09", week: 8) }
        sweeper.unlock()
        #expect(try tree.prune(PruneRule(keepWeeks: 1)).removed.count == 2)
    }

    @Test func whatAPublisherDidNotMakeStays() throws {
        try addWeeks(2)
        for name in ["targets/readme.txt", "blocks/note", "targets/d/mine.caibx", "metadata/note.json"] {
            try AtomicFile.write("mine", to: folder.file("tree/\(name)"))
        }
        try AtomicFile.write("half", to: folder.file("tree/targets/d/.2026-09-07.caibx"))
        _ = try later(days: 60).prune(PruneRule(keepWeeks: 1), graceDays: 0)
        for name in ["targets/readme.txt", "blocks/note", "targets/d/mine.caibx", "metadata/note.json"] {
            #expect(access(folder.file("tree/\(name)"), F_OK) == 0, "\(name)")
        }
        #expect(access(folder.file("tree/targets/d/.2026-09-07.caibx"), F_OK) != 0)
    }

    @Test func aDistributionsOwnPublisherPrunesItsVersions() async throws {
        try addWeeks(2)
        _ = try tree.delegate("d", passphrase: nil)
        try add("2026-09-21", week: 2)
        let result = try tree.prune(PruneRule(keepWeeks: 1))
        #expect(result.removed.count == 2)
        #expect(try ids() == ["2026-09-21"])
        #expect(try await isWhole(tree))
        #expect(try later(days: 32).prune(PruneRule(keepWeeks: 1)).sweptBlocks == 3)
    }

    @Test func theCommandSaysWhatGoes() async throws {
        try addWeeks(3)
        let keys = ["--keys", folder.file("keys")]
        let dry = try await BuiltProgram.run(
            "oscircular-publish", ["prune", tree.path, "--keep-weeks", "2", "--dry-run"] + keys)
        #expect(dry.status == 0, "\(dry.stderr)")
        #expect(dry.stdout.contains("would remove: d@2026-09-07\n"))
        #expect(dry.stdout.contains("kept for readers of older catalogs: "))
        #expect(try ids().count == 3)
        for wrong in [[], ["--keep-weeks", "0"], ["--keep-weeks", "1", "--max-bytes", "1"]] {
            #expect(try await BuiltProgram.run("oscircular-publish", ["prune", tree.path] + wrong + keys).status == 64)
        }
        let pinned = try await BuiltProgram.run("oscircular-publish", ["pin", tree.path, "d", "2026-09-07"] + keys)
        #expect(pinned.status == 0)
        let nothing = try await BuiltProgram.run("oscircular-publish", ["prune", tree.path, "--max-bytes", "1"] + keys)
        #expect(nothing.status == 0)
        #expect(nothing.stdout.contains("removed: d@2026-09-14\n"))
        #expect(nothing.stderr.contains("more than --max-bytes 1"))
        let stats = try await BuiltProgram.run("oscircular-publish", ["stats", tree.path] + keys)
        #expect(stats.stdout.contains("pinned"))
    }
}
