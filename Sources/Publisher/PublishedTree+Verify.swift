import Catalog
import ContentAddress
import Glibc
import ImageIndex
import Linux
import Synchronization
import TUF

extension PublishedTree {
    /// Reads everything that is signed, every index, and every block that one of them names, on all processors.
    ///
    /// Changes nothing that is published unless the options name a source for repairs.
    /// - Throws: ``PublisherError`` when the catalog cannot be read or a signal came; ``MirrorError`` of the source.
    package func verify(
        _ options: VerifyOptions = VerifyOptions(), progress: PublishProgress = PublishProgress(),
        cancellation: Cancellation = Cancellation()
    ) throws -> TreeVerification {
        let repair = try options.repairSource.map {
            try TreeRepair(tree: path, source: $0, progress: progress, cancellation: cancellation)
        }
        defer { repair?.close() }
        var result = TreeVerification()
        let contents = try contents()
        result.problems += try check(contents, options, repair, &result.repaired)
        let wanted = try indexes(contents, options, cancellation, &result)

        // In the order of their names, so that folders are read one after the other.
        let blocks = wanted.values.sorted { $0.id.hex < $1.id.hex }
        result.blocks = blocks.count
        result.bytes = blocks.reduce(0) { $0 + UInt64($1.length) }
        var record = options.isIncremental ? VerifiedBlocks(blocks: self.blocks) : VerifiedBlocks()
        let store = BlockStoreFolder(path: self.blocks)
        let now = Int64(time(nil))
        let unread = blocks.filter { block in
            VerifiedBlocks.look(at: store.path(of: block.id), now: now).map { !record.isFresh(block.id, $0) } ?? true
        }
        result.unread = blocks.count - unread.count
        progress.begin(.verify, total: unread.reduce(0) { $0 + UInt64($1.length) })
        var failed = try check(unread, &record, now, progress: progress, cancellation: cancellation)
        if let repair, !failed.isEmpty {
            let damaged = unread.filter { failed[$0.id] != nil }
            for id in try repair.replace(damaged) {
                failed[id] = nil
                result.repaired += 1
                if let file = VerifiedBlocks.look(at: store.path(of: id), now: now) { record.note(id, file) }
            }
        }
        for id in failed.keys { record.forget(id) }
        result.problems += failed.values
        result.problems.sort { $0.description < $1.description }
        // A tree that cannot be written is verified all the same; the next look has more to read.
        if options.isIncremental && options.distributions.isEmpty {
            try? record.write(blocks: self.blocks, keeping: wanted)
        }
        return result
    }

    /// The blocks that the versions' indexes name.
    private func indexes(
        _ contents: TreeContents, _ options: VerifyOptions, _ cancellation: Cancellation,
        _ result: inout TreeVerification
    ) throws(PublisherError) -> [BlockID: WantedBlock] {
        var wanted: [BlockID: WantedBlock] = [:]
        for distribution in try contents.catalog().distributions
        where options.distributions.isEmpty || options.distributions.contains(distribution.id) {
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
                    result.problems.append(.index(version: name, path: version.index, .malformed(reason: "\(error)")))
                }
            }
        }
        return wanted
    }

    /// Everything that is signed must be there, as it was signed. The signatures themselves, as a reader sees them.
    private func check(
        _ contents: TreeContents, _ options: VerifyOptions, _ repair: TreeRepair?, _ repaired: inout Int
    ) throws -> [TreeProblem] {
        var problems: [TreeProblem] = []
        for name in contents.names {
            // The files of a distribution lie in a folder that has its name.
            if !options.distributions.isEmpty, let slash = name.firstIndex(of: "/"),
                !options.distributions.contains(String(name[..<slash]))
            {
                continue
            }
            guard let file = contents.file(name), let path = contents.path(of: name) else { continue }
            var reason: String?
            do {
                reason = file.identity.mismatch(try FileContents.read(path, limit: file.length)).map { "\($0)" }
            } catch {
                reason = error.code == ENOENT ? "it is missing" : error.message
            }
            guard let reason else { continue }
            if try repair?.replace(file) == true {
                repaired += 1
            } else {
                problems.append(.target(name: name, reason: reason))
            }
        }
        if let error = MetadataCheck.run(tree: path) { problems.append(.metadata("\(error)")) }
        return problems
    }

    private func check(
        _ blocks: [WantedBlock], _ record: inout VerifiedBlocks, _ now: Int64, progress: PublishProgress,
        cancellation: Cancellation
    ) throws(PublisherError) -> [BlockID: TreeProblem] {
        let work = Verification(blocks: blocks)
        let store = BlockStoreFolder(path: self.blocks)
        let workers = max(1, min(blocks.count, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        let queue = RunQueue(runs: 0, capacity: 0, workers: workers)
        for number in 0..<workers {
            queue.startWorker(name: "verify-\(number)") { () throws(PublisherError) in
                let reader = try BlockVerifier(store: store)
                while let block = work.next() {
                    try cancellation.check()
                    // Looked at before it is read: what is written meanwhile is not taken for what was read.
                    let file = VerifiedBlocks.look(at: store.path(of: block.id), now: now)
                    work.done(block.id, reader.problem(with: block), file)
                    progress.add(UInt64(block.length))
                }
            }
        }
        try queue.finish()
        for (id, file) in work.right { record.note(id, file) }
        return work.problems
    }
}

/// The blocks that are still to be looked at, and what was found.
private final class Verification: Sendable {
    private let blocks: [WantedBlock]
    private let position = Atomic<Int>(0)
    private let found = Mutex<(problems: [BlockID: TreeProblem], right: [BlockID: VerifiedBlocks.Seen])>(([:], [:]))

    init(blocks: [WantedBlock]) { self.blocks = blocks }

    func next() -> WantedBlock? {
        let next = position.add(1, ordering: .relaxed).oldValue
        return next < blocks.count ? blocks[next] : nil
    }

    func done(_ id: BlockID, _ problem: TreeProblem?, _ file: VerifiedBlocks.Seen?) {
        found.withLock { found in
            if let problem { found.problems[id] = problem } else if let file { found.right[id] = file }
        }
    }

    var problems: [BlockID: TreeProblem] { found.withLock { $0.problems } }
    var right: [BlockID: VerifiedBlocks.Seen] { found.withLock { $0.right } }
}
