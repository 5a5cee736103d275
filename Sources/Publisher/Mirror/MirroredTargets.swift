import Catalog
import ContentAddress
import ImageIndex
import Linux
import TUF

/// The signed files that a copy needs: catalogs, indexes, boot sets, boot packs; and the blocks that indexes and packs name.
struct MirroredTargets: Sendable {
    private(set) var blocks: [BlockID: WantedBlock] = [:]
    private(set) var versions = 0
    /// What is published, of all distributions.
    private(set) var document = CatalogDocument(name: "", updated: Timestamp(seconds: 0))
    /// Path below the tree's root, where the bytes are for now, and whether the copy already has them.
    private var files: [(path: String, length: Int, here: String, isThere: Bool)] = []

    /// Bytes of an index or catalog that is taken.
    private static let longest = 1 << 30

    /// Fetches and verifies them, to a scratch folder. Of a version whose bytes lie at a vendor's there are no blocks.
    init(
        _ metadata: MirroredMetadata, _ source: MirrorSource, _ destination: any MirrorDestination,
        _ options: MirrorOptions, _ scratch: WorkFolder, _ cancellation: Cancellation
    ) async throws {
        let all = Dictionary(metadata.targets.map { ($0.name, $0) }) { first, _ in first }
        func fetch(_ name: String) async throws -> [UInt8]? {
            try cancellation.check()
            guard let target = all[name], let digest = target.sha256, target.length <= MirroredTargets.longest else {
                return nil
            }
            try TargetName.check(name)
            let path = TreePath.target(name, digest: digest)
            var bytes = try await destination.read(path, limit: target.length)
            if let there = bytes, target.identity.mismatch(there) != nil { bytes = nil }
            let verified: [UInt8]
            if let bytes { verified = bytes } else { verified = try await metadata.download(target, source) }
            let here = "\(scratch.path)/\(files.count)"
            do { try AtomicFile.write(verified, to: here) } catch { throw PublisherError.unwritable(error) }
            files.append((path, target.length, here, bytes != nil))
            return verified
        }
        guard let bytes = try await fetch("catalog.json") else {
            throw MirrorError.untrusted(source: source.name, reason: "its publisher did not sign a catalog.json")
        }
        var document = try MirroredTargets.decode("catalog.json", source) { try CatalogDocument.decode(bytes) }
        var done: Set<String> = ["catalog.json", CatalogDocument.sourcesName]
        let sources = try await fetch(CatalogDocument.sourcesName).map { bytes in
            try MirroredTargets.decode(CatalogDocument.sourcesName, source) { try CatalogDocument.decodeSources(bytes) }
        }
        // Whole, whichever distributions are copied: readers of the copy ask for all that the metadata names.
        if try await fetch(VendorTables.targetName) != nil { done.insert(VendorTables.targetName) }
        for position in document.distributions.indices {
            let id = document.distributions[position].id
            guard options.distributions.isEmpty || options.distributions.contains(id) else { continue }
            let own = "\(id)/distribution.json"
            guard let bytes = try await fetch(own) else { continue }
            document.distributions[position] = try MirroredTargets.decode(own, source) {
                try Distribution.decode(bytes, id: id)
            }
            done.insert(own)
        }
        if let sources { document.merge(sources: sources) }
        self.document = document
        for id in options.distributions.sorted() where document.distribution(id) == nil {
            throw MirrorError.noSuchDistribution(id)
        }
        for distribution in document.distributions
        where options.distributions.isEmpty || options.distributions.contains(distribution.id) {
            for version in distribution.versions {
                let packs = version.packs.map(\.pack)
                // The index comes before what belongs to it.
                var algorithm = DigestAlgorithm.sha256
                let indexes = (version.hasBlocks ? [version.index] : []) + version.warm.map(\.index)
                for name in version.targets where done.insert(name).inserted {
                    guard try await fetch(name) != nil else {
                        throw MirrorError.untrusted(
                            source: source.name, reason: "its publisher did not sign \(name)")
                    }
                    guard let file = files.last else { continue }
                    if indexes.contains(name) {
                        let used = try add(file.here, of: "\(distribution.id)@\(version.id)", source)
                        if name == version.index { algorithm = used }
                    }
                    if packs.contains(name) {
                        addPieces(of: file.here, algorithm, of: "\(distribution.id)@\(version.id), boot pack")
                    }
                }
                versions += 1
            }
        }
        // What is signed and in no catalog belongs to the tree all the same.
        if options.distributions.isEmpty {
            for name in all.keys.sorted() where !done.contains(name) { _ = try await fetch(name) }
        }
    }

    var paths: [String] { files.map(\.path) }

    /// Writes those that are missing from the copy.
    /// - Returns: how many.
    func write(to destination: any MirrorDestination) async throws -> Int {
        var count = 0
        for file in files where !file.isThere {
            let bytes: [UInt8]
            do { bytes = try FileContents.read(file.here, limit: file.length) } catch {
                throw PublisherError.unreadable(error)
            }
            try await destination.write(bytes, to: file.path)
            count += 1
        }
        return count
    }

    /// - Returns: how its block ids were computed.
    private mutating func add(
        _ path: String, of version: String, _ source: MirrorSource
    ) throws -> DigestAlgorithm {
        do {
            let index = try ImageIndex(path: path)
            try index.forEachBlock { block in
                guard blocks[block.id] == nil else { return }
                blocks[block.id] = WantedBlock(
                    id: block.id, length: block.length, algorithm: index.algorithm, version: version)
            }
            return index.algorithm
        } catch let error as ImageIndexError {
            throw MirrorError.untrusted(source: source.name, reason: "the index of \(version): \(error)")
        }
    }

    private mutating func addPieces(of path: String, _ algorithm: DigestAlgorithm, of version: String) {
        // A later program's, which this one cannot read: its readers fetch the pieces elsewhere, or blocks.
        guard let pack = try? BootPack(path: path) else { return }
        for piece in pack.pieces where blocks[piece.id] == nil {
            blocks[piece.id] = WantedBlock(
                id: piece.id, length: piece.length, algorithm: algorithm, version: version)
        }
    }

    private static func decode<Value>(
        _ name: String, _ source: MirrorSource, _ body: () throws -> Value
    ) throws -> Value {
        do { return try body() } catch {
            throw MirrorError.untrusted(source: source.name, reason: "\(name): \(error)")
        }
    }
}
