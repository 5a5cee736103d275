import Catalog
import ContentAddress
import Curl
import ImageIndex
import Linux
import ObjectStore
import TUF
import Zstd

/// What is copied, and how.
package struct MirrorOptions: Sendable {
    /// Ids of the distributions whose blocks and indexes are copied; empty for all.
    package var distributions: Set<String> = []
    /// Blocks that are fetched and stored at the same time.
    package var jobs = 16
    /// Days after which a file that the tree no longer names is removed; nil keeps all.
    package var deleteAfterDays: Int?
    /// The root metadata that the tree must begin with; nil when the first copy takes what the source has.
    package var root: [UInt8]?
    /// SHA-256 of that root's bytes, 64 hexadecimal digits in any case; nil when it does not matter.
    package var fingerprint: String?

    package init() {}
}

/// What a copy came to.
package struct MirrorResult: Sendable, Equatable {
    package var versions = 0
    /// Blocks that were copied, and their bytes as stored.
    package var copiedBlocks = 0
    package var copiedBytes: UInt64 = 0
    /// Blocks that were there already.
    package var presentBlocks = 0
    /// Catalogs, indexes and boot sets that were copied.
    package var copiedTargets = 0
    /// Files that the tree no longer named, and that were removed.
    package var removedFiles = 0
    /// The copy's newest timestamp.
    package var timestampVersion = 0
    /// SHA-256 of the first root: what readers compare.
    package var fingerprint = ""
}

/// Copies a published tree: blocks, then what names them, then the metadata that names these, the timestamp last.
///
/// So readers of the copy see the old tree or the new one at every moment, and a copy that was stopped goes on where it was:
/// what is there is not fetched again.
///
/// A pull goes like this. ``MirroredMetadata`` follows the source's signatures as a reader does, from the root that the copy began with;
/// the source itself is not trusted, and cannot lead the copy back in time. ``MirroredTargets`` brings what is signed, the catalog, indexes
/// and boot sets, to a scratch folder, and collects the blocks that the indexes name. ``BlockCopier`` fetches those that the copy does not
/// have, several at a time, and verifies each before it is written. Only when all are there do the signed files follow, then the
/// metadata, and the timestamp last. What the tree has not named for some days goes after that (``UnusedFiles``), if the options say so.
package struct TreeMirror: Sendable {
    private let source: MirrorSource
    private let destination: any MirrorDestination
    private let options: MirrorOptions
    private let progress: PublishProgress
    private let cancellation: Cancellation

    /// A copy in a folder.
    /// - Parameter source: a tree's URL or folder.
    /// - Throws: ``MirrorError/place(_:reason:)``, ``PublisherError``.
    package static func toFolder(
        _ path: String, from source: String, options: MirrorOptions, progress: PublishProgress,
        cancellation: Cancellation
    ) throws -> TreeMirror {
        let source = try MirrorSource(source, transfers: transfers(options), cancellation: cancellation)
        return TreeMirror(
            source: source, destination: try FolderDestination(path: path), options: options, progress: progress,
            cancellation: cancellation)
    }

    /// A copy in an object store.
    /// - Parameter accessList: a canned access list for every object; nil leaves it to the bucket's policy.
    /// - Throws: ``MirrorError/place(_:reason:)``.
    package static func toObjectStore(
        _ location: ObjectStoreLocation, credentials: ObjectStoreCredentials, accessList: String? = nil,
        from source: String, options: MirrorOptions, progress: PublishProgress, cancellation: Cancellation
    ) throws -> TreeMirror {
        let transfers = transfers(options)
        let source = try MirrorSource(source, transfers: transfers, cancellation: cancellation)
        let store = ObjectStore(location, credentials: credentials, transfers: transfers)
        return TreeMirror(
            source: source, destination: ObjectStoreDestination(store, accessList: accessList), options: options,
            progress: progress, cancellation: cancellation)
    }

    /// Reading and writing at the same time take two transfers a job.
    static func transfers(_ options: MirrorOptions) -> TransferQueue {
        TransferQueue(
            maximumInFlight: max(16, 2 * options.jobs), options: TransferOptions(userAgent: "oscircular-publish"))
    }

    /// Makes or renews the copy. Waits for network and disk; never call it on the cooperative pool.
    /// - Throws: ``MirrorError``, ``PublisherError``. The copy's metadata is as it was then.
    package func run() throws -> MirrorResult {
        defer { destination.close() }
        return try Blocking.run { try await copy() }
    }

    private func copy() async throws -> MirrorResult {
        let scratch = try WorkFolder()
        progress.begin(.metadata, total: 0)
        let metadata = try await MirroredMetadata(
            source: source, destination: destination, options: options, scratch: scratch)
        var result = MirrorResult()
        result.fingerprint = metadata.fingerprint
        result.timestampVersion = metadata.timestampVersion

        let targets = try await MirroredTargets(metadata, source, destination, options, scratch, cancellation)
        result.versions = targets.versions
        let blocks = targets.blocks.values.sorted { $0.id.hex < $1.id.hex }
        let there = try await destination.sizes(of: blocks.map { TreePath.block($0.id) }, below: "blocks/")
        let missing = blocks.filter { block in
            guard let size = there[TreePath.block(block.id)] else { return true }
            return !ChunkStoreFolder.isPlausible(size: size, length: block.length)
        }
        result.presentBlocks = blocks.count - missing.count
        progress.begin(.mirror, total: missing.reduce(0) { $0 + UInt64($1.length) })
        let outcome = try await BlockCopier(
            source: source, destination: destination, jobs: options.jobs, progress: progress
        ).copy(missing)
        result.copiedBlocks = outcome.copied.count
        result.copiedBytes = outcome.bytes
        guard outcome.failures.isEmpty else {
            throw MirrorError.incomplete(
                source: source.name, problems: outcome.failures.values.map { "\($0)" }.sorted())
        }
        result.copiedTargets = try await targets.write(to: destination)
        try await publish(metadata.files)
        try await TreeMirror.writePage(targets.document, fingerprint: metadata.fingerprint, to: destination)
        if let days = options.deleteAfterDays {
            let used = Set(blocks.map { TreePath.block($0.id) } + targets.paths + metadata.files.keys)
            result.removedFiles = try await TreeMirror.removeUnused(
                from: destination, used: used, days: days, cancellation: cancellation)
        }
        return result
    }

    /// Roots in the order of their versions, what the snapshot names, the snapshot; the timestamp makes it all visible.
    private func publish(_ files: [String: [UInt8]]) async throws {
        let paths = files.keys.filter { $0 != TreePath.timestamp }
        func isLater(_ path: String) -> Int {
            path.hasSuffix(".root.json") ? 0 : path.hasSuffix(".snapshot.json") ? 2 : 1
        }
        for path in paths.sorted(by: { (isLater($0), $0.utf8.count, $0) < (isLater($1), $1.utf8.count, $1) }) {
            try cancellation.check()
            guard let bytes = files[path] else { continue }
            // They are few: read, so that what a disk spoiled is replaced.
            if try await destination.read(path, limit: bytes.count) == bytes { continue }
            try await destination.write(bytes, to: path)
        }
        try cancellation.check()
        if let bytes = files[TreePath.timestamp] { try await destination.write(bytes, to: TreePath.timestamp) }
    }
}
