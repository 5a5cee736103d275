import BlockStore
import ContentAddress
import Formats
import Linux
import TUF

/// Replaces damaged and missing files of a tree by those of another copy of it.
struct TreeRepair {
    private let source: MirrorSource
    private let destination: FolderDestination
    private let progress: PublishProgress
    private let jobs: Int

    /// Keeps other publishers out of the tree while it lives.
    /// - Throws: ``MirrorError/place(_:reason:)``, ``PublisherError/busy(path:)``.
    init(tree: String, source: String, progress: PublishProgress, cancellation: Cancellation) throws {
        let options = MirrorOptions()
        self.source = try MirrorSource(
            source, transfers: TreeMirror.transfers(options), cancellation: cancellation)
        destination = try FolderDestination(path: tree)
        jobs = options.jobs
        self.progress = progress
    }

    /// Call it when no more is to be replaced.
    func close() { destination.close() }

    /// - Returns: the blocks that are right now.
    /// - Throws: ``MirrorError/unreachable(source:reason:)``, ``PublisherError``.
    func replace(_ blocks: [WantedBlock]) throws -> [BlockID] {
        progress.begin(.repair, total: blocks.reduce(0) { $0 + UInt64($1.length) })
        let copier = BlockCopier(source: source, destination: destination, jobs: jobs, progress: progress)
        return try Blocking.run { try await copier.copy(blocks) }.copied
    }

    /// - Returns: false when the other copy does not have it right either.
    /// - Throws: ``MirrorError/unreachable(source:reason:)``, ``PublisherError``.
    func replace(_ target: TargetFile) throws -> Bool {
        guard let digest = target.sha256 else { return false }
        let path = TreePath.target(target.name, digest: digest)
        return try Blocking.run { [source, destination] in
            let bytes: [UInt8]
            do {
                let file = String(PercentEncoding.urlPath(of: path).dropFirst("targets/".count))
                bytes = try await source.targets.fetch(file, maximumLength: target.length)
            } catch let error as RepositorySourceError {
                if case .unreachable(let cause) = error {
                    throw MirrorError.unreachable(source: source.name, reason: "\(cause)")
                }
                return false
            }
            guard target.identity.mismatch(bytes) == nil else { return false }
            try await destination.write(bytes, to: path)
            return true
        }
    }
}
