import ContentAddress
import ImageIndex
import Linux
import TUF
import TestSupport

@testable import Publisher

/// The runs that are tried.
enum FaultTrials {
    /// What may fail without a word in all of them.
    /// - Parameter folders: which may be looked through for what the dead left, by the ends of their paths.
    static func isCleaning(_ fault: FileFaults.Injected, in folders: [String] = ["/blocks"]) -> Bool {
        let name = fault.path
        // The page for browsers is for people alone, and written again by the next publication.
        if name.contains("/index.html") || name.contains("/.index.html.") { return true }
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
            && (folders + ["/drafts", "/tree"]).contains { name.hasSuffix($0) || name.hasSuffix($0 + "/.") }
            || fault.call == "flock"
    }

    static func blocking(_ body: @escaping @Sendable () throws -> Void) async throws {
        try await WorkerThread.run(name: "trial") { try body() }
    }

    static func isWhole(_ tree: PublishedTree) throws {
        let problems = try TreeVerification(of: tree).run().problems
        try FileFaults.require(problems.isEmpty, "\(problems)")
    }

    struct Prune: FaultTrial {
        let tree: PublishedTree
        let before: Set<String>
        let kept: Set<String>
        var folder: String { Folder.parent(of: tree.path) ?? "/" }

        func run() async throws {
            try await FaultTrials.blocking { _ = try tree.prune(PruneRule(keepWeeks: 1), graceDays: 0) }
        }

        func isTolerable(_ fault: FileFaults.Injected) -> Bool { FaultTrials.isCleaning(fault) }

        func check(_ outcome: FileFaults.Outcome) async throws {
            try await FaultTrials.blocking {
                let missing = kept.subtracting(try FileFaultTests.files(tree))
                try FileFaults.require(missing.isEmpty, "gone: \(missing.sorted())")
            }
            // It failed before it changed anything: all that follows was seen with the first such run.
            if outcome.error != nil, outcome.number > 8, Set(try FileFaultTests.files(tree)) == before { return }
            try await FaultTrials.blocking {
                try FaultTrials.isWhole(tree)
                let ids = try tree.catalog().distribution("d")?.versions.map(\.id.text)
                try FileFaults.require(
                    ids == ["2026-09-28", "2026-09-21"] || ids == ["2026-09-28"], "versions: \(ids ?? [])")
            }
            try await run()
            try await FaultTrials.blocking {
                let files = try FileFaultTests.files(tree)
                let blocks = files.filter { $0.hasSuffix(".cacnk") }
                let expected = kept.filter { $0.hasSuffix(".cacnk") }
                try FileFaults.require(Set(blocks) == expected, "not swept: \(Set(blocks).subtracting(expected))")
                let halfMade = FileFaults.halfMade(files, after: outcome)
                try FileFaults.require(halfMade.isEmpty, "left: \(halfMade)")
            }
        }
    }

    struct Add: FaultTrial {
        private static let folders = ["/blocks", "/metadata", "/targets", "/targets/d"]

        let tree: PublishedTree
        let image: String
        /// All files before it.
        let before: Set<String>
        /// Of the image, where it is known.
        let digest: FileDigest?
        /// Where it is known, what matters is the old index.
        var folder: String { digest == nil ? Folder.parent(of: tree.path) ?? "/" : "\(tree.targets)/d" }

        func run() async throws {
            try await FaultTrials.blocking {
                _ = try tree.add(
                    try NewVersion(distribution: "d", version: "2026-09-14"), image: image,
                    options: try PublishOptions(blockSize: 4096, workers: 1))
            }
        }

        func isTolerable(_ fault: FileFaults.Injected) -> Bool { FaultTrials.isCleaning(fault, in: Self.folders) }

        func check(_ outcome: FileFaults.Outcome) async throws {
            // As in Prune.
            if outcome.error != nil, outcome.number > 8, Set(try FileFaultTests.files(tree)) == before { return }
            try await FaultTrials.blocking { try FaultTrials.isWhole(tree) }
            let ids = try tree.catalog().distribution("d")?.versions.map(\.id.text)
            let all = ["2026-09-14", "2026-09-07"]
            try FileFaults.require(ids == (outcome.error == nil ? all : ["2026-09-07"]), "versions: \(ids ?? [])")
            if outcome.error != nil { try await run() }
            try await FaultTrials.blocking { try FaultTrials.isWhole(tree) }
            let versions = try tree.catalog().distribution("d")?.versions ?? []
            try FileFaults.require(versions.map(\.id.text) == all, "versions: \(versions.map(\.id.text))")
            if let digest {
                try FileFaults.require(versions.allSatisfy { $0.digest == digest }, "a wrong digest was signed")
            }
            // What a later publisher removes at its start is looked for with one more run.
            try await FaultTrials.blocking { IngestFolder.removeStale(in: tree.blocks) }
            let halfMade = FileFaults.halfMade(try FileFaultTests.files(tree), after: outcome)
            try FileFaults.require(halfMade.isEmpty, "left: \(halfMade)")
        }
    }

    struct Make: FaultTrial {
        let folder: String
        let image: String
        let options: PublishOptions

        func run() async throws {
            try await FaultTrials.blocking {
                var options = options
                options.digestsImage = true
                _ = try ImagePublisher(options: options).publish(
                    image: image, index: "\(folder)/made.caibx", store: "\(folder)/store")
            }
        }

        func isTolerable(_ fault: FileFaults.Injected) -> Bool {
            // The folder of the index, and the store.
            FaultTrials.isCleaning(fault, in: ["/store", "/" + (folder.split(separator: "/").last ?? "")])
        }

        func check(_ outcome: FileFaults.Outcome) async throws {
            try FileFaults.require(
                try Paths.isThere("\(folder)/made.caibx") == (outcome.error == nil), "an index of a failed run")
            if outcome.error != nil { try await run() }
            try await FaultTrials.blocking {
                let index = try ImageIndex(path: "\(folder)/made.caibx")
                let verifier = try BlockVerifier(store: ChunkStoreFolder(path: "\(folder)/store"))
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
            try await FaultTrials.blocking {
                _ = try PublishedTree.create(path: "\(folder)/tree", name: "Tests", description: "", keys: keys)
            }
        }

        func isTolerable(_ fault: FileFaults.Injected) -> Bool { FaultTrials.isCleaning(fault) }

        func check(_ outcome: FileFaults.Outcome) async throws {
            if outcome.error != nil { try await run() }
            let tree = try PublishedTree(path: "\(folder)/tree", keys: SigningKeys(folder: "\(folder)/keys"))
            try await FaultTrials.blocking {
                // All keys are at hand.
                _ = try tree.renew()
                let missing = try tree.roles().filter { !$0.keys.contains { $0.isHere } }.map(\.role)
                try FileFaults.require(missing.isEmpty, "keys that are lost: \(missing)")
                try FaultTrials.isWhole(tree)
            }
        }
    }

    struct Rotate: FaultTrial {
        let tree: PublishedTree
        let role: TopLevelRole
        var folder: String { Folder.parent(of: tree.path) ?? "/" }

        func run() async throws {
            try await FaultTrials.blocking { _ = try tree.rotate(role, passphrase: nil) }
        }

        func isTolerable(_ fault: FileFaults.Injected) -> Bool { FaultTrials.isCleaning(fault) }

        func check(_ outcome: FileFaults.Outcome) async throws {
            try await FaultTrials.blocking {
                let missing = try tree.roles().filter { !$0.keys.contains { $0.isHere } }.map(\.role)
                try FileFaults.require(missing.isEmpty, "keys that are lost: \(missing)")
                // Readers follow the tree from its first root on, once it is signed by the keys that are here.
                _ = try tree.renew()
                try FaultTrials.isWhole(tree)
            }
        }
    }
}
