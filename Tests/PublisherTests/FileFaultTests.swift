import Catalog
import ContentAddress
import Glibc
import ImageIndex
import Linux
import TUF
import TestSupport
import Testing

@testable import Publisher

/// Whatever file call fails, once or from then on: nothing that is named is lost, what failed is said, and the next run works.
@Suite(.serialized) struct FileFaultTests {
    private let folder: TemporaryDirectory
    private let tree: PublishedTree
    private static let block = 4096

    init() throws {
        folder = try TemporaryDirectory(in: FileFaults.place)
        tree = try PublishedTree.create(
            path: folder.file("tree"), name: "Tests", description: "", keys: SigningKeys(folder: folder.file("keys")))
    }

    private func image(_ seeds: [UInt64]) throws -> String {
        let path = folder.file("image-\(seeds)")
        let data = seeds.map { PublisherFixtures.Stretch.random(Self.block, seed: $0) }
        try PublisherFixtures.writeImage(data + [.hole(Self.block)], to: path)
        return path
    }

    private func add(_ id: String, _ seeds: [UInt64]) throws {
        _ = try tree.add(
            try NewVersion(distribution: "d", version: id), image: try image(seeds), options: Self.options())
    }

    private static func options() throws -> PublishOptions { try PublishOptions(blockSize: block, workers: 1) }

    /// A copy of the tree, and of its keys, for one trial.
    private func copy(_ number: Int) throws -> PublishedTree {
        try Folder.make(folder.file("\(number)"))
        for part in ["tree", "keys"] { try FileFaults.copy(folder.file(part), to: folder.file("\(number)/\(part)")) }
        return try PublishedTree(
            path: folder.file("\(number)/tree"), keys: SigningKeys(folder: folder.file("\(number)/keys")))
    }

    // MARK: Prune

    @Test func pruneLosesNothingWhateverFails() async throws {
        // Versions of which one left the catalog so long ago that its blocks may go, one left a moment ago, and one leaves now.
        for (week, id) in ["2026-09-07", "2026-09-14", "2026-09-21", "2026-09-28"].enumerated() {
            try add(id, [1, 100 + UInt64(week / 2), 200 + UInt64(week)])
        }
        _ = try tree.prune(PruneRule(keepWeeks: 3))
        var late = tree
        late.clock = Self.later
        _ = try late.renew()
        _ = try late.prune(PruneRule(keepWeeks: 2), graceDays: 10_000)
        // What a prune without faults leaves must be there after each.
        let clean = FaultTrials.Prune(tree: Self.atLater(try copy(0)), before: [], kept: [])
        try await clean.run()
        let left = Set(try Self.files(clean.tree))
        let before = Set(try Self.files(tree))
        try #require(before.subtracting(left).contains { $0.hasSuffix(".cacnk") }, "nothing was swept")
        let problems = try await FileFaults.tryEvery("prune") { number in
            FaultTrials.Prune(tree: Self.atLater(try copy(number)), before: before, kept: left.intersection(before))
        }
        #expect(problems == [])
    }

    @Sendable private static func later() -> Timestamp { Timestamp(seconds: Timestamp.now.seconds + 32 * 86_400) }

    private static func atLater(_ tree: PublishedTree) -> PublishedTree {
        var tree = tree
        tree.clock = later
        return tree
    }

    static func files(_ tree: PublishedTree) throws -> [String] { try files(below: tree.path, "") }

    private static func files(below root: String, _ folder: String) throws -> [String] {
        try Folder.names(in: root + folder).flatMap { name -> [String] in
            let path = "\(folder)/\(name)"
            return Folder.isFolder(root + path) ? ["\(path)/"] + (try files(below: root, path)) : [path]
        }
    }

    // MARK: Add, make, init, keys

    @Test func addPublishesAllOrNothingWhateverFails() async throws {
        try add("2026-09-07", [1, 2])
        let image = try image([1, 3])
        let before = Set(try Self.files(tree))
        let problems = try await FileFaults.tryEvery("add") { number in
            FaultTrials.Add(tree: try copy(number), image: image, before: before, digest: nil)
        }
        #expect(problems == [])
    }

    @Test func anImageOfOldIsRecognizedByItsWholeIndexOnly() async throws {
        try add("2026-09-07", [1, 2])
        let digest = try #require(try tree.catalog().distribution("d")?.versions.first?.digest)
        let image = try image([1, 2])
        let before = Set(try Self.files(tree))
        let problems = try await FileFaults.tryEvery("add of the same image", [.once]) { number in
            FaultTrials.Add(tree: try copy(number), image: image, before: before, digest: digest)
        }
        #expect(problems == [])
    }

    @Test func makeWritesAnIndexWhoseBlocksAreAllThereWhateverFails() async throws {
        let image = try image([1, 2, 3])
        let problems = try await FileFaults.tryEvery("make") { number in
            let folder = folder.file("\(number)")
            try Folder.make("\(folder)/store")
            // A block that is there already: it is touched.
            let first = ImagePublisher(options: try Self.options())
            _ = try first.publish(image: try self.image([1]), index: "\(folder)/first.caibx", store: "\(folder)/store")
            return FaultTrials.Make(folder: folder, image: image, options: try Self.options())
        }
        #expect(problems == [])
    }

    @Test func initMakesATreeWhoseKeysAreThereWhateverFails() async throws {
        let problems = try await FileFaults.tryEvery("init") { number in
            try Folder.make(folder.file("\(number)"))
            return FaultTrials.Create(folder: folder.file("\(number)"))
        }
        #expect(problems == [])
    }

    @Test(arguments: [TopLevelRole.root]) func aNewKeyIsNeverLostWhateverFails(_ role: TopLevelRole)
        async throws
    {
        let problems = try await FileFaults.tryEvery("new key of \(role)", [.once, .full]) { number in
            FaultTrials.Rotate(tree: try copy(number), role: role)
        }
        #expect(problems == [])
    }
}
