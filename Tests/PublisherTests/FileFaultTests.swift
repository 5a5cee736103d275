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
    private let folder: ScratchFolder
    private let tree: PublishedTree
    private static let block = 4096

    init() throws {
        folder = try ScratchFolder(in: FileFaults.place)
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
        let clean = Trial.Prune(tree: Self.atLater(try copy(0)), before: [], kept: [])
        try await clean.run()
        let left = Set(try Self.files(clean.tree))
        let before = Set(try Self.files(tree))
        try #require(before.subtracting(left).contains { $0.hasSuffix(".cacnk") }, "nothing was swept")
        let problems = try await FileFaults.tryEvery("prune") { number in
            Trial.Prune(tree: Self.atLater(try copy(number)), before: before, kept: left.intersection(before))
        }
        #expect(problems == [])
    }

    @Sendable private static func later() -> Timestamp { Timestamp(seconds: Timestamp.now.seconds + 32 * 86_400) }

    private static func atLater(_ tree: PublishedTree) -> PublishedTree {
        var tree = tree
        tree.clock = later
        return tree
    }

    fileprivate static func files(_ tree: PublishedTree) throws -> [String] { try files(below: tree.path, "") }

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
        let problems = try await FileFaults.tryEvery("add") { number in
            Trial.Add(tree: try copy(number), image: image, digest: nil)
        }
        #expect(problems == [])
    }

    @Test func anImageOfOldIsRecognizedByItsWholeIndexOnly() async throws {
        try add("2026-09-07", [1, 2])
        let digest = try #require(try tree.catalog().distribution("d")?.versions.first?.digest)
        let image = try image([1, 2])
        let problems = try await FileFaults.tryEvery("add of the same image", [.once]) { number in
            Trial.Add(tree: try copy(number), image: image, digest: digest)
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
            return Trial.Make(folder: folder, image: image, options: try Self.options())
        }
        #expect(problems == [])
    }

    @Test func initMakesATreeWhoseKeysAreThereWhateverFails() async throws {
        let problems = try await FileFaults.tryEvery("init") { number in
            try Folder.make(folder.file("\(number)"))
            return Trial.Create(folder: folder.file("\(number)"))
        }
        #expect(problems == [])
    }

    @Test(arguments: TopLevelRole.allCases) func aNewKeyIsNeverLostWhateverFails(_ role: TopLevelRole) async throws {
        let problems = try await FileFaults.tryEvery("new key of \(role)", [.once, .full]) { number in
            Trial.Rotate(tree: try copy(number), role: role)
        }
        #expect(problems == [])
    }
}

/// The runs that are tried.
private enum Trial {
    /// What may fail without a word in all of them.
    /// - Parameter folders: which may be looked through for what the dead left, by the ends of their paths.
    static func isCleaning(_ fault: FileFaults.Injected, in folders: [String] = ["/blocks"]) -> Bool {
        let name = fault.path
        switch fault.call {
        // Temporary files, the dead's and our own, which are looked for at each start.
        case "unlink": return name.contains("/.ingest-") || name.hasSuffix(".caibx") || name.hasSuffix(".tmp")
        // A folder that is empty, or goes with the next publisher.
        case "rmdir": return true
        case "open", "readdir", "flock", "fstat": if name.contains("/.ingest-") { return true }
        // A folder in the index's place that cannot be seen: the rename fails then.
        case "stat": return name.hasSuffix(".caibx")
        default: return false
        }
        // Drafts that are no newer than what was published just before; and locks that go with their descriptors.
        return fault.call != "fstat"
            && (folders + ["/drafts"]).contains { name.hasSuffix($0) || name.hasSuffix($0 + "/.") }
            || fault.call == "flock"
    }

    static func blocking(_ body: @escaping @Sendable () throws -> Void) async throws {
        try await WorkerThread.run(name: "trial") { try body() }
    }

    static func isWhole(_ tree: PublishedTree) throws {
        let problems = try tree.verify().problems
        try FileFaults.require(problems.isEmpty, "\(problems)")
    }

    struct Prune: FaultTrial {
        let tree: PublishedTree
        let before: Set<String>
        let kept: Set<String>
        var folder: String { Folder.parent(of: tree.path) ?? "/" }

        func run() async throws {
            try await Trial.blocking { _ = try tree.prune(PruneRule(keepWeeks: 1), graceDays: 0) }
        }

        func isTolerable(_ fault: FileFaults.Injected) -> Bool { Trial.isCleaning(fault) }

        func check(_ outcome: FileFaults.Outcome) async throws {
            try await Trial.blocking {
                let missing = kept.subtracting(try FileFaultTests.files(tree))
                try FileFaults.require(missing.isEmpty, "gone: \(missing.sorted())")
                try Trial.isWhole(tree)
                let ids = try tree.catalog().distribution("d")?.versions.map(\.id.text)
                try FileFaults.require(
                    ids == ["2026-09-28", "2026-09-21"] || ids == ["2026-09-28"], "versions: \(ids ?? [])")
            }
            try await run()
            try await Trial.blocking {
                let files = try FileFaultTests.files(tree)
                let blocks = files.filter { $0.hasSuffix(".cacnk") }
                let expected = kept.filter { $0.hasSuffix(".cacnk") }
                try FileFaults.require(Set(blocks) == expected, "not swept: \(Set(blocks).subtracting(expected))")
                let halfMade = FileFaults.halfMade(files, after: outcome)
                try FileFaults.require(halfMade.isEmpty, "left: \(halfMade)")
                try Trial.isWhole(tree)
            }
        }
    }

    struct Add: FaultTrial {
        private static let folders = ["/blocks", "/metadata", "/targets", "/targets/d"]

        let tree: PublishedTree
        let image: String
        /// Of the image, where it is known.
        let digest: FileDigest?
        var folder: String { Folder.parent(of: tree.path) ?? "/" }

        func run() async throws {
            try await Trial.blocking {
                _ = try tree.add(
                    try NewVersion(distribution: "d", version: "2026-09-14"), image: image,
                    options: try PublishOptions(blockSize: 4096, workers: 1))
            }
        }

        func isTolerable(_ fault: FileFaults.Injected) -> Bool { Trial.isCleaning(fault, in: Self.folders) }

        func check(_ outcome: FileFaults.Outcome) async throws {
            try await Trial.blocking { try Trial.isWhole(tree) }
            let ids = try tree.catalog().distribution("d")?.versions.map(\.id.text)
            let all = ["2026-09-14", "2026-09-07"]
            try FileFaults.require(ids == (outcome.error == nil ? all : ["2026-09-07"]), "versions: \(ids ?? [])")
            if outcome.error != nil { try await run() }
            try await Trial.blocking { try Trial.isWhole(tree) }
            let versions = try tree.catalog().distribution("d")?.versions ?? []
            try FileFaults.require(versions.map(\.id.text) == all, "versions: \(versions.map(\.id.text))")
            if let digest {
                try FileFaults.require(versions.allSatisfy { $0.digest == digest }, "a wrong digest was signed")
            }
            // What a later publisher removes at its start is looked for with one more run.
            try await Trial.blocking { IngestFolder.removeStale(in: tree.blocks) }
            let halfMade = FileFaults.halfMade(try FileFaultTests.files(tree), after: outcome)
            try FileFaults.require(halfMade.isEmpty, "left: \(halfMade)")
        }
    }

    struct Make: FaultTrial {
        let folder: String
        let image: String
        let options: PublishOptions

        func run() async throws {
            try await Trial.blocking {
                var options = options
                options.digestsImage = true
                _ = try ImagePublisher(options: options).publish(
                    image: image, index: "\(folder)/made.caibx", store: "\(folder)/store")
            }
        }

        func isTolerable(_ fault: FileFaults.Injected) -> Bool {
            // The folder of the index, and the store.
            Trial.isCleaning(fault, in: ["/store", "/" + (folder.split(separator: "/").last ?? "")])
        }

        func check(_ outcome: FileFaults.Outcome) async throws {
            try FileFaults.require(
                try Paths.isThere("\(folder)/made.caibx") == (outcome.error == nil), "an index of a failed run")
            if outcome.error != nil { try await run() }
            try await Trial.blocking {
                let index = try ImageIndex(path: "\(folder)/made.caibx")
                let verifier = try BlockVerifier(store: BlockStoreFolder(path: "\(folder)/store"))
                try index.forEachBlock { block in
                    let wanted = WantedBlock(
                        id: block.id, length: block.length, algorithm: index.algorithm, version: "made")
                    if let problem = verifier.problem(with: wanted) { throw FileFaults.Loss("\(problem)") }
                }
                IngestFolder.removeStale(in: "\(folder)/store")
                let names = try Folder.names(in: folder).map { "/\($0)" }
                let store = try Folder.names(in: "\(folder)/store").map { "/\($0)" }
                let halfMade = FileFaults.halfMade(names + store, after: outcome)
                try FileFaults.require(halfMade.isEmpty, "left: \(halfMade)")
            }
        }
    }

    struct Create: FaultTrial {
        let folder: String

        func run() async throws {
            let keys = SigningKeys(folder: "\(folder)/keys")
            try await Trial.blocking {
                _ = try PublishedTree.create(path: "\(folder)/tree", name: "Tests", description: "", keys: keys)
            }
        }

        func isTolerable(_ fault: FileFaults.Injected) -> Bool { Trial.isCleaning(fault) }

        func check(_ outcome: FileFaults.Outcome) async throws {
            if outcome.error != nil { try await run() }
            let tree = try PublishedTree(path: "\(folder)/tree", keys: SigningKeys(folder: "\(folder)/keys"))
            try await Trial.blocking {
                // All keys are at hand.
                _ = try tree.renew()
                let version = try NewVersion(distribution: "d", version: "2026-09-07")
                let image = "\(folder)/image"
                try PublisherFixtures.writeImage([.random(4096, seed: 1)], to: image)
                _ = try tree.add(version, image: image, options: try PublishOptions(blockSize: 4096, workers: 1))
                try Trial.isWhole(tree)
            }
        }
    }

    struct Rotate: FaultTrial {
        let tree: PublishedTree
        let role: TopLevelRole
        var folder: String { Folder.parent(of: tree.path) ?? "/" }

        func run() async throws {
            try await Trial.blocking { _ = try tree.rotate(role, passphrase: nil) }
        }

        func isTolerable(_ fault: FileFaults.Injected) -> Bool { Trial.isCleaning(fault) }

        func check(_ outcome: FileFaults.Outcome) async throws {
            try await Trial.blocking {
                let missing = try tree.roles().filter { !$0.keys.contains { $0.isHere } }.map(\.role)
                try FileFaults.require(missing.isEmpty, "keys that are lost: \(missing)")
                _ = try tree.renew()
                // Readers follow the tree from its first root on, and a new key can be made.
                _ = try tree.rotate(role, passphrase: nil)
                try Trial.isWhole(tree)
            }
        }
    }
}
