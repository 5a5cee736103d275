import Catalog
import ContentAddress
import ImageIndex
import Linux

/// The distinct blocks of every version of a catalog, each with its size in the store.
struct BlockCensus {
    /// One version, and its blocks as positions in ``sizes``.
    struct Version {
        let distribution: String
        let entry: DistributionVersion
        /// Bytes of the image, its blocks, and how many of them are zeros.
        let size: UInt64
        let blocks: Int
        let zero: Int
        /// How many different ones.
        let unique: Int
        /// Each that the tree has for it, once: none of a version whose bytes lie at a vendor's.
        let distinct: [Int]
        /// Those of its saved guests, likewise; some may be the image's as well.
        let warm: [Int]
        /// The pieces of its boot packs, likewise.
        let packs: [Int]

        /// All that the tree has for it, each once.
        var all: [Int] {
            let more = warm + packs
            return more.isEmpty ? distinct : distinct + Set(more).subtracting(distinct).sorted()
        }
    }

    /// By distribution as the catalog has them, the oldest version first.
    private(set) var versions: [Version] = []
    /// Bytes of each block's file; 0 where it is missing.
    private(set) var sizes: [UInt64] = []
    /// Each block's place in ``sizes``.
    private(set) var positions: [BlockID: Int] = [:]

    /// Reads every index.
    /// - Throws: ``PublisherError`` when one cannot be read or a signal came.
    init(
        _ catalog: CatalogDocument, _ contents: TreeContents, store: ChunkStoreFolder,
        cancellation: Cancellation = Cancellation()
    ) throws(PublisherError) {
        for distribution in catalog.distributions {
            for version in distribution.versions.reversed() {
                try cancellation.check()
                try count(version, of: distribution.id, contents, store)
            }
        }
    }

    private mutating func count(
        _ version: DistributionVersion, of distribution: String, _ contents: TreeContents, _ store: ChunkStoreFolder
    ) throws(PublisherError) {
        do {
            let index = try contents.index(version.index)
            var (seen, distinct, zero) = (Set<Int>(), [Int](), 0)
            var elsewhere = Set<BlockID>()
            try index.forEachBlock { block in
                if block.isHole { zero += 1 }
                guard version.hasBlocks else {
                    elsewhere.insert(block.id)
                    return
                }
                let position = try place(of: block.id, length: block.length, store)
                if seen.insert(position).inserted { distinct.append(position) }
            }
            var (seenOfWarm, warm) = (Set<Int>(), [Int]())
            for state in version.warm {
                try contents.index(state.index).forEachBlock { block in
                    let position = try place(of: block.id, length: block.length, store)
                    if seenOfWarm.insert(position).inserted { warm.append(position) }
                }
            }
            var packs = Set<Int>()
            for pack in version.packs {
                // Readers do without one that cannot be read, and so does the count.
                guard let list = try? contents.pack(pack.pack) else { continue }
                for piece in list.pieces {
                    packs.insert(try place(of: piece.id, length: piece.length, store))
                }
            }
            versions.append(
                Version(
                    distribution: distribution, entry: version, size: index.imageSize, blocks: index.count, zero: zero,
                    unique: version.hasBlocks ? distinct.count : elsewhere.count, distinct: distinct, warm: warm,
                    packs: packs.sorted()))
        } catch let error as PublisherError {
            throw error
        } catch let error as SystemCallError {
            throw .unreadable(error)
        } catch let error as ImageIndexError {
            throw .index(path: version.index, error)
        } catch {
            throw .index(path: version.index, .malformed(reason: "\(error)"))
        }
    }

    private mutating func place(
        of id: BlockID, length: Int, _ store: ChunkStoreFolder
    ) throws(SystemCallError) -> Int {
        if let known = positions[id] { return known }
        let size = try store.storedSize(of: id, length: length) ?? 0
        positions[id] = sizes.count
        sizes.append(size)
        return sizes.count - 1
    }

    /// Bytes in the store of some blocks.
    func bytes(of blocks: some Sequence<Int>) -> UInt64 { blocks.reduce(0) { $0 + sizes[$1] } }

    /// Bytes in the store of all blocks.
    var bytes: UInt64 { sizes.reduce(0, +) }
}

extension TreeContents {
    /// A version's index, from the file that was signed.
    /// - Throws: ``PublisherError/index(path:_:)``; also when the file is not the signed one.
    func index(_ name: String) throws(PublisherError) -> ImageIndex {
        guard let file = file(name), let path = path(of: name) else {
            throw .index(path: name, .malformed(reason: "it is not signed"))
        }
        do {
            let bytes = try FileContents.read(path, limit: max(1, file.length))
            if let reason = file.identity.mismatch(bytes) { throw ImageIndexError.malformed(reason: "\(reason)") }
            return try ImageIndex(path: path)
        } catch let error as SystemCallError {
            throw .index(path: path, .file(error))
        } catch let error as ImageIndexError {
            throw .index(path: path, error)
        } catch {
            throw .index(path: path, .malformed(reason: "\(error)"))
        }
    }
}
