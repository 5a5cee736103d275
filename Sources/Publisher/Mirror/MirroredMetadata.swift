import Catalog
import ContentAddress
import Linux
import Synchronization
import TUF

/// A source's signed metadata as it is now, verified, and the files of it that a copy needs.
struct MirroredMetadata: Sendable {
    /// By path below the tree's root; the timestamp among them.
    let files: [String: [UInt8]]
    /// Everything that is signed.
    let targets: [TargetFile]
    let fingerprint: String
    let timestampVersion: Int
    private let client: TUFClient

    private static let rootLimit = ClientLimits().rootLength

    /// Follows the source from the root that the copy began with, or the one that the options name, or the source's own.
    ///
    /// What the copy has already is trusted state: the source cannot take it back in time.
    /// - Throws: ``MirrorError``.
    init(
        source: MirrorSource, destination: any MirrorDestination, options: MirrorOptions, scratch: WorkFolder
    ) async throws {
        let root = try await MirroredMetadata.root(source, destination, options)
        let store = DirectoryMetadataStore(path: "\(scratch.path)/metadata")
        let recording = RecordingSource(source.metadata)
        do {
            try TUFClient.initialize(store, root: root)
            if let kept = try await destination.read(TreePath.timestamp, limit: ClientLimits().timestampLength),
                MirroredMetadata.isTimestamp(kept)
            {
                try store.write("timestamp", kept)
            }
            client = try TUFClient(store: store, metadata: recording, targets: source.targets)
            try await client.refresh()
            targets = try await client.allTargets()
            timestampVersion = try TrustedState.load(from: store).timestamp?.header.version ?? 0
        } catch let error as TUFError {
            throw MirroredMetadata.mirrorError(error, source)
        }
        var files = [TreePath.firstRoot: root]
        for file in recording.fetched { files["metadata/\(file.key)"] = file.value }
        self.files = files
        fingerprint = FileDigest.sha256(of: root).hex
    }

    /// A target's bytes, verified.
    /// - Throws: ``MirrorError``.
    func download(_ target: TargetFile, _ source: MirrorSource) async throws -> [UInt8] {
        do throws(TUFError) {
            return try await client.download(target)
        } catch {
            throw MirroredMetadata.mirrorError(error, source)
        }
    }

    private static func root(
        _ source: MirrorSource, _ destination: any MirrorDestination, _ options: MirrorOptions
    ) async throws -> [UInt8] {
        let there = try await destination.read(TreePath.firstRoot, limit: rootLimit)
        if let there, !isRoot(there) { throw MirrorError.notMetadata(destination: destination.name) }
        if let there, let wanted = options.root, there != wanted {
            throw MirrorError.otherTree(destination: destination.name)
        }
        let offered: [UInt8]
        do throws(RepositorySourceError) {
            offered = try await source.metadata.fetch("1.root.json", maximumLength: rootLimit)
        } catch {
            switch error {
            case .notFound, .tooLong:
                throw MirrorError.untrusted(
                    source: source.name, reason: "it is not signed: there is no metadata/1.root.json")
            case .unreachable(let cause): throw MirrorError.unreachable(source: source.name, reason: "\(cause)")
            case .damaged(let reason):
                throw MirrorError.untrusted(source: source.name, reason: "metadata/1.root.json: \(reason)")
            case .cancelled: throw CancellationError()
            }
        }
        if let there, there != offered { throw MirrorError.otherTree(destination: destination.name) }
        if let wanted = options.root, wanted != offered {
            throw MirrorError.untrusted(source: source.name, reason: "its first root is not the one that was given")
        }
        let fingerprint = FileDigest.sha256(of: offered).hex
        if let wanted = options.fingerprint?.lowercased(), wanted != fingerprint {
            throw MirrorError.untrusted(
                source: source.name, reason: "its root metadata has the fingerprint \(fingerprint), not \(wanted)")
        }
        return offered
    }

    private static func isRoot(_ bytes: [UInt8]) -> Bool {
        // Why it is not one does not matter here.
        (try? TUFClient.check(root: bytes)) != nil
    }

    /// A damaged one does not tell what the copy had, and is replaced.
    private static func isTimestamp(_ bytes: [UInt8]) -> Bool {
        // As above.
        (try? TimestampMetadata(try SignedDocument(bytes, maximumLength: ClientLimits().timestampLength))) != nil
    }

    private static func mirrorError(_ error: TUFError, _ source: MirrorSource) -> any Error {
        switch error {
        case .unreachable(let file, let cause):
            MirrorError.unreachable(source: source.name, reason: "\(file): \(cause)")
        case .cancelled: CancellationError()
        case .state(let cause): PublisherError.unwritable(cause)
        default: MirrorError.untrusted(source: source.name, reason: "\(error)")
        }
    }
}

/// Keeps what a client fetched through it: the metadata files that the copy needs, as they were.
final class RecordingSource: RepositorySource {
    private let source: any RepositorySource
    private let files = Mutex<[String: [UInt8]]>([:])

    init(_ source: any RepositorySource) { self.source = source }

    /// By path.
    var fetched: [String: [UInt8]] { files.withLock { $0 } }

    func fetch(_ path: String, maximumLength: Int) async throws(RepositorySourceError) -> [UInt8] {
        let bytes = try await source.fetch(path, maximumLength: maximumLength)
        files.withLock { $0[path] = bytes }
        return bytes
    }
}
