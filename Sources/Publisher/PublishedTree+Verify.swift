import Catalog
import ContentAddress
import Glibc
import ImageIndex
import Linux
import Synchronization

extension PublishedTree {
    /// Reads every index and every block that one of them names, on all processors. Changes nothing.
    /// - Throws: ``PublisherError`` when the catalog cannot be read or a signal came.
    package func verify(
        progress: PublishProgress = PublishProgress(), cancellation: Cancellation = Cancellation()
    ) throws(PublisherError) -> TreeVerification {
        var result = TreeVerification()
        var wanted: [BlockID: WantedBlock] = [:]
        let contents = try contents()
        result.problems += check(contents)
        for distribution in try contents.catalog().distributions {
            for version in distribution.versions {
                try cancellation.check()
                result.versions += 1
                let name = "\(distribution.id)@\(version.id)"
                do {
                    let index = try ImageIndex(
                        path: contents.path(of: version.index) ?? "\(path)/targets/\(version.index)")
                    if index.imageSize != version.size {
                        result.problems.append(.size(version: name, catalog: version.size, index: index.imageSize))
                    }
                    try index.forEachBlock { block in
                        if wanted[block.id] == nil {
                            wanted[block.id] = WantedBlock(
                                id: block.id, length: block.length, algorithm: index.algorithm, version: name)
                        }
                    }
                } catch let error as ImageIndexError {
                    result.problems.append(.index(version: name, path: version.index, error))
                } catch {
                    result.problems.append(
                        .index(version: name, path: version.index, .malformed(reason: "\(error)")))
                }
            }
        }
        // In the order of their names, so that folders are read one after the other.
        let blocks = wanted.values.sorted { $0.id.hex < $1.id.hex }
        result.blocks = blocks.count
        result.bytes = blocks.reduce(0) { $0 + UInt64($1.length) }
        progress.begin(.verify, total: result.bytes)
        result.problems += try check(blocks, progress: progress, cancellation: cancellation)
        result.problems.sort { $0.description < $1.description }
        return result
    }

    /// Everything that is signed must be there, as it was signed. The signatures themselves, as a reader sees them.
    private func check(_ contents: TreeContents) -> [TreeProblem] {
        var problems: [TreeProblem] = []
        for name in contents.names {
            guard let file = contents.file(name), let path = contents.path(of: name) else { continue }
            do {
                let bytes = try FileContents.read(path, limit: file.length)
                if let reason = file.identity.mismatch(bytes) {
                    problems.append(.target(name: name, reason: "\(reason)"))
                }
            } catch {
                problems.append(.target(name: name, reason: error.code == ENOENT ? "it is missing" : error.message))
            }
        }
        if let error = MetadataCheck.run(tree: path) { problems.append(.metadata("\(error)")) }
        return problems
    }

    private func check(
        _ blocks: [WantedBlock], progress: PublishProgress, cancellation: Cancellation
    ) throws(PublisherError) -> [TreeProblem] {
        let work = Verification(blocks: blocks)
        let store = BlockStoreFolder(path: self.blocks)
        let workers = max(1, min(blocks.count, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        let queue = RunQueue(runs: 0, capacity: 0, workers: workers)
        for number in 0..<workers {
            queue.startWorker(name: "verify-\(number)") { () throws(PublisherError) in
                let reader = try BlockVerifier(store: store)
                while let block = work.next() {
                    try cancellation.check()
                    if let problem = reader.problem(with: block) { work.add(problem) }
                    progress.add(UInt64(block.length))
                }
            }
        }
        try queue.finish()
        return work.problems
    }
}

/// The blocks that are still to be looked at, and what was found.
private final class Verification: Sendable {
    private let blocks: [WantedBlock]
    private let position = Atomic<Int>(0)
    private let found = Mutex<[TreeProblem]>([])

    init(blocks: [WantedBlock]) { self.blocks = blocks }

    func next() -> WantedBlock? {
        let next = position.add(1, ordering: .relaxed).oldValue
        return next < blocks.count ? blocks[next] : nil
    }

    func add(_ problem: TreeProblem) { found.withLock { $0.append(problem) } }

    var problems: [TreeProblem] { found.withLock { $0 } }
}
