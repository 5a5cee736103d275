import Catalog
import ContentAddress
import ImageIndex
import Linux
import TUF

/// How thoroughly a tree is looked at.
package struct VerifyOptions: Sendable {
    /// Whether blocks are left out that were read and right at an earlier look, and whose files have not changed since.
    package var isIncremental = false
    /// Ids of the distributions that are looked at, for a copy that has no others; empty for all.
    package var distributions: Set<String> = []
    /// A tree, by URL or folder, that damaged and missing files are replaced from; nil changes nothing.
    package var repairSource: String?

    package init() {}

    /// Whether a file below `targets/` belongs to what is looked at: those of a distribution lie in a folder that has its name.
    func includes(target name: String) -> Bool {
        guard !distributions.isEmpty, let slash = name.firstIndex(of: "/") else { return true }
        return distributions.contains(String(name[..<slash]))
    }
}

/// What a look at a whole tree found.
package struct VerifyResult: Sendable, Equatable {
    package var versions = 0
    /// Distinct blocks that the versions name, and their bytes uncompressed.
    package var blocks = 0
    package var bytes: UInt64 = 0
    /// Blocks that an incremental look did not read again.
    package var unread = 0
    /// Files that were replaced from another copy of the tree.
    package var repaired = 0
    /// Sorted by their text; empty when all is well.
    package var problems: [TreeProblem] = []
}

/// Something in a tree that a client would stumble over.
package enum TreeProblem: Sendable, Equatable, CustomStringConvertible {
    /// An index that is missing, or is not an index. `version` is such as `debian@2026-11-16`.
    case index(version: String, path: String, ImageIndexError)
    /// The index describes an image of another size than the catalog says.
    case size(version: String, catalog: UInt64, index: UInt64)
    /// A signed file is missing, or is not what was signed. `reason` is a phrase.
    case target(name: String, reason: String)
    /// A reader would not trust the tree's metadata, for this reason.
    case metadata(String)
    /// A block is missing or unreadable.
    case blockUnreadable(BlockID, version: String, SystemCallError)
    /// A block's file holds something else. `reason` is a phrase.
    case blockDamaged(BlockID, version: String, reason: String)
    /// A version's boot pack is not one, or is not what its image has. `reason` is a phrase.
    case pack(version: String, name: String, reason: String)

    package var description: String {
        switch self {
        case .index(let version, let path, let error): "\(version): \(path): \(error)"
        case .size(let version, let catalog, let index):
            "\(version): the catalog says \(catalog) bytes, the index \(index)"
        case .target(let name, let reason): "targets/\(name): \(reason)"
        case .metadata(let reason): "metadata: \(reason)"
        case .blockUnreadable(let id, let version, let error):
            error.number == .noSuchFile
                ? "\(version): block \(id) is missing" : "\(version): block \(id): \(error.message)"
        case .blockDamaged(let id, let version, _): "\(version): block \(id) is damaged: \(reason)"
        case .pack(let version, let name, _): "\(version): targets/\(name): \(reason)"
        }
    }

    /// The phrase without what it is about.
    var reason: String {
        switch self {
        case .index(_, _, let error): "\(error)"
        case .size(_, let catalog, let index): "the catalog says \(catalog) bytes, the index \(index)"
        case .target(_, let reason), .metadata(let reason), .blockDamaged(_, _, let reason), .pack(_, _, let reason):
            reason
        case .blockUnreadable(_, _, let error): error.number == .noSuchFile ? "it is missing" : error.message
        }
    }
}

/// A look at a whole tree: everything that is signed, every index, and every block that one of them names, on all processors.
///
/// It first compares each signed file with what was signed, and follows the signatures as a reader does that starts from the first root.
/// Then it reads the indexes, and last the blocks that they name, each once however many versions need it. It changes nothing that is
/// published unless the options name a source for repairs; an incremental look also writes down which blocks it read.
package struct TreeVerification {
    private let tree: PublishedTree
    private let options: VerifyOptions
    private let progress: PublishProgress
    private let cancellation: Cancellation

    package init(
        of tree: PublishedTree, _ options: VerifyOptions = VerifyOptions(),
        progress: PublishProgress = PublishProgress(), cancellation: Cancellation = Cancellation()
    ) {
        self.tree = tree
        self.options = options
        self.progress = progress
        self.cancellation = cancellation
    }

    /// Waits for the disk: not for the cooperative pool.
    /// - Throws: ``PublisherError`` when the catalog cannot be read or a signal came; ``MirrorError`` of the source.
    package func run() throws -> VerifyResult {
        let repair = try options.repairSource.map {
            try TreeRepair(tree: tree.path, source: $0, progress: progress, cancellation: cancellation)
        }
        defer { repair?.close() }
        var result = VerifyResult()
        let contents = try tree.contents()
        try checkTargets(contents, repair, &result)
        if let error = firstDistrust() { result.problems.append(.metadata("\(error)")) }
        let wanted = try indexes(contents, &result)
        try checkBlocks(wanted, contents, repair, &result)
        result.problems.sort { $0.description < $1.description }
        return result
    }

    /// Everything that is signed must be there, as it was signed.
    private func checkTargets(_ contents: TreeContents, _ repair: TreeRepair?, _ result: inout VerifyResult) throws {
        for name in contents.names where options.includes(target: name) {
            guard let file = contents.file(name), let path = contents.path(of: name) else { continue }
            var reason: String?
            do {
                reason = file.identity.mismatch(try FileContents.read(path, limit: file.length)).map { "\($0)" }
            } catch {
                reason = error.number == .noSuchFile ? "it is missing" : error.message
            }
            guard let reason else { continue }
            if try repair?.replace(file) == true {
                result.repaired += 1
            } else {
                result.problems.append(.target(name: name, reason: reason))
            }
        }
    }

    /// What a reader would say that follows the signatures from the first root; nil when it trusts all of them.
    private func firstDistrust() -> TUFError? {
        do {
            let scratch = try WorkFolder()
            let root = try FileContents.read("\(tree.path)/metadata/1.root.json", limit: 1 << 20)
            try Blocking.run { [tree] in
                let client = try TUFClient(
                    store: DirectoryMetadataStore(path: scratch.path), trustedRoot: root,
                    metadata: DirectorySource(path: "\(tree.path)/metadata"),
                    targets: DirectorySource(path: tree.targets))
                _ = try await client.allTargets()
            }
            return nil
        } catch let error as TUFError {
            return error
        } catch {
            return .state(
                error as? SystemCallError ?? SystemCallError(.inputOutput, call: "verify", subject: tree.path))
        }
    }

    /// The blocks that the versions' indexes name.
    private func indexes(
        _ contents: TreeContents, _ result: inout VerifyResult
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
                        path: contents.path(of: version.index) ?? "\(tree.targets)/\(version.index)")
                    if index.imageSize != version.size {
                        result.problems.append(.size(version: name, catalog: version.size, index: index.imageSize))
                    }
                    // Else its blocks are at the vendor's.
                    if version.hasBlocks { try TreeVerification.add(index, of: name, to: &wanted) }
                } catch {
                    result.problems.append(.index(version: name, path: version.index, TreeVerification.fault(error)))
                }
                for pack in version.packs {
                    // One that is not a pack is seen when its pages are compared.
                    if let list = try? contents.pack(pack.pack), let index = try? contents.index(version.index) {
                        TreeVerification.add(list, index.algorithm, of: "\(name), boot pack", to: &wanted)
                    }
                }
                for state in version.warm {
                    do {
                        let index = try contents.index(state.index)
                        if index.imageSize != state.size {
                            result.problems.append(
                                .size(version: "\(name), warm", catalog: state.size, index: index.imageSize))
                        }
                        try TreeVerification.add(index, of: "\(name), warm", to: &wanted)
                        if contents.file(state.record) == nil {
                            result.problems.append(.target(name: state.record, reason: "it is not signed"))
                        }
                    } catch {
                        result.problems.append(
                            .index(version: "\(name), warm", path: state.index, TreeVerification.fault(error)))
                    }
                }
            }
        }
        return wanted
    }

    private static func add(
        _ index: ImageIndex, of version: String, to wanted: inout [BlockID: WantedBlock]
    ) throws {
        try index.forEachBlock { block in
            guard wanted[block.id] == nil else { return }
            wanted[block.id] = WantedBlock(
                id: block.id, length: block.length, algorithm: index.algorithm, version: version)
        }
    }

    private static func add(
        _ pack: BootPack, _ algorithm: DigestAlgorithm, of version: String, to wanted: inout [BlockID: WantedBlock]
    ) {
        for piece in pack.pieces where wanted[piece.id] == nil {
            wanted[piece.id] = WantedBlock(
                id: piece.id, length: piece.length, algorithm: algorithm, version: version)
        }
    }

    /// Every page of every pack must be the image's: readers take it on the signature's word.
    /// - Parameter read: the blocks that were read just now. An incremental look has compared a pack of which none is among them before.
    /// - Returns: the pieces of packs with faults, which are to be looked at again.
    private func checkPacks(
        _ contents: TreeContents, _ read: Set<BlockID>, _ result: inout VerifyResult
    ) throws(PublisherError) -> [BlockID] {
        var faulty: [BlockID] = []
        for distribution in try contents.catalog().distributions
        where options.distributions.isEmpty || options.distributions.contains(distribution.id) {
            for version in distribution.versions {
                for pack in version.packs {
                    try cancellation.check()
                    let pieces = options.isIncremental ? read : nil
                    let reason = try PackComparison(tree, contents).fault(of: pack, version, unlessNoneOf: pieces)
                    guard let reason else { continue }
                    result.problems.append(
                        .pack(version: "\(distribution.id)@\(version.id)", name: pack.pack, reason: reason))
                    // One that cannot be read has no pieces that were looked at.
                    faulty += (try? contents.pack(pack.pack))?.pieces.map(\.id) ?? []
                }
            }
        }
        return faulty
    }

    private static func fault(_ error: any Error) -> ImageIndexError {
        if case PublisherError.index(_, let cause) = error { return cause }
        return error as? ImageIndexError ?? .malformed(reason: "\(error)")
    }

    private func checkBlocks(
        _ wanted: [BlockID: WantedBlock], _ contents: TreeContents, _ repair: TreeRepair?,
        _ result: inout VerifyResult
    ) throws {
        // In the order of their names, so that folders are read one after the other.
        let blocks = wanted.values.sorted { $0.id.hex < $1.id.hex }
        result.blocks = blocks.count
        result.bytes = blocks.reduce(0) { $0 + UInt64($1.length) }
        let store = ChunkStoreFolder(path: tree.blocks)
        var record = options.isIncremental ? VerifiedBlocks(blocks: tree.blocks) : VerifiedBlocks()
        let now = Timestamp.now.seconds
        let unread = blocks.filter { block in
            VerifiedBlocks.look(at: store.path(of: block.id), now: now).map { !record.isFresh(block.id, $0) } ?? true
        }
        result.unread = blocks.count - unread.count
        progress.begin(.verify, total: unread.reduce(0) { $0 + UInt64($1.length) })
        let found = try BlockVerifier.verify(
            unread, in: store, now: now, progress: progress, cancellation: cancellation)
        var failed = found.problems
        for (id, file) in found.right { record.note(id, file) }
        if let repair, !failed.isEmpty {
            for id in try repair.replace(unread.filter { failed[$0.id] != nil }) {
                failed[id] = nil
                result.repaired += 1
                if let file = VerifiedBlocks.look(at: store.path(of: id), now: now) { record.note(id, file) }
            }
        }
        for id in failed.keys { record.forget(id) }
        for id in try checkPacks(contents, Set(unread.map(\.id)), &result) { record.forget(id) }
        result.problems += failed.values
        if options.isIncremental && options.distributions.isEmpty {
            // A tree that cannot be written is verified all the same; the next look has more to read.
            try? record.write(blocks: tree.blocks, keeping: wanted)
        }
    }
}
