import ContentAddress
import ImageIndex
import Linux
import Zstd

/// Makes the boot packs of one version: chooses their pages, and writes their pieces to the store. One thread at a time may use it.
final class PackMaker {
    /// How hard pieces are compressed: see decision 0107.
    static let level = 19
    /// Bytes of a piece before it is compressed.
    static let pieceSize = 1 << 20
    /// Bytes of the lines that say which pages a pack has, so that those of the pieces have room beside them.
    private static let longestRuns = BootPack.Bounds.file / 8 * 5

    private let image: StoredImage
    private let index: FileDigest
    private let store: ChunkStoreFolder
    private let ingest: IngestFolder
    private let compressor: ZstdCompressor
    private let frame: UnsafeMutableRawBufferPointer
    private let cancellation: Cancellation

    /// - Parameter index: of the image's index file.
    /// - Throws: ``PublisherError/compression(reason:)`` when there is no memory.
    init(
        _ image: StoredImage, index: FileDigest, store: ChunkStoreFolder, ingest: IngestFolder,
        level: Int = PackMaker.level, cancellation: Cancellation
    ) throws(PublisherError) {
        (self.image, self.index, self.store, self.ingest) = (image, index, store, ingest)
        self.cancellation = cancellation
        do { compressor = try ZstdCompressor(level: level) } catch { throw .compression(reason: "\(error)") }
        frame = .allocate(byteCount: ZstdCompressor.bound(PackMaker.pieceSize), alignment: 4096)
    }

    deinit { frame.deallocate() }

    /// The pages of a start that a pack holds: not those of zeros' blocks, nor of blocks that are left out.
    /// - Parameter basis: the blocks that readers have for whom the pack is; none for a pack of all.
    /// - Throws: ``PublisherError/index(path:_:)``.
    func runs(of pages: BootPages, without basis: Set<BlockID> = []) throws(PublisherError) -> [PageRun] {
        var chosen = BootPages()
        for run in pages.runs { try choose(from: run, without: basis, into: &chosen) }
        var room = PackMaker.longestRuns
        return Array(
            chosen.runs.prefix { run in
                room -= BootPack.line(of: run).utf8.count
                return room >= 0
            })
    }

    private func choose(
        from run: PageRun, without basis: Set<BlockID>, into chosen: inout BootPages
    ) throws(PublisherError) {
        let bytes = run.bytes(ofImage: image.index.imageSize)
        guard let inside = PageRun(bytes: bytes) else { return }
        var page = inside.start
        while page < inside.end {
            let block = try image.block(containing: UInt64(page) * UInt64(PageRun.pageSize))
            // Pages that lie in one block whole are as their block is; the image's last one ends with it.
            let isLast = block.end == image.index.imageSize
            let end = isLast ? inside.end : min(inside.end, Int(block.end / UInt64(PageRun.pageSize)))
            let part = PageRun(start: page, count: max(1, end - page))
            if try isWanted(part, block, without: basis) { chosen.add(part) }
            page = part.end
        }
    }

    /// Whether any of the blocks that hold these pages is one that a pack is for.
    private func isWanted(
        _ pages: PageRun, _ first: IndexedBlock, without basis: Set<BlockID>
    ) throws(PublisherError) -> Bool {
        let end = pages.bytes(ofImage: image.index.imageSize).upperBound
        var block = first
        while true {
            if !block.isHole && !basis.contains(block.id) { return true }
            if block.end >= end { return false }
            block = try image.block(containing: block.end)
        }
    }

    /// Writes the pieces that these pages make, and lists them.
    /// - Parameter runs: as ``runs(of:without:)`` gives them; not empty.
    /// - Throws: ``PublisherError``. Pieces that were written before stay, and a prune removes them.
    func make(_ runs: [PageRun], basis: BootPack.Basis? = nil) throws(PublisherError) -> BootPack {
        var pieces: [BootPack.Piece] = []
        var bytes: [UInt8] = []
        bytes.reserveCapacity(PackMaker.pieceSize)
        for run in runs {
            var page = run.start
            while page < run.end {
                let room = (PackMaker.pieceSize - bytes.count) / PageRun.pageSize
                if room == 0 {
                    pieces.append(try keep(bytes))
                    bytes.removeAll(keepingCapacity: true)
                    continue
                }
                let part = PageRun(start: page, count: min(room, run.end - page))
                try image.add(part, to: &bytes)
                page = part.end
            }
        }
        if !bytes.isEmpty { pieces.append(try keep(bytes)) }
        do {
            return try BootPack(
                index: index, imageSize: image.index.imageSize, basis: basis, runs: runs, pieces: pieces)
        } catch {
            throw .index(path: "boot pack", error)
        }
    }

    /// Sees to it that a piece is in the store.
    private func keep(_ bytes: [UInt8]) throws(PublisherError) -> BootPack.Piece {
        try cancellation.check()
        let id = bytes.withUnsafeBytes { image.index.algorithm.blockID(of: $0) }
        let kept = bytes.withUnsafeBytes { bytes in
            Result { () throws(PublisherError) in
                try store.keep(id, bytes, compressedBy: compressor, into: frame, by: ingest)
            }
        }
        return BootPack.Piece(id: id, length: bytes.count, storedSize: Int(try kept.get().size))
    }
}
