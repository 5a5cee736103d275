import BlockStore
import ContentAddress
import DiskImage
import Formats
import ImageIndex
import Linux

/// Unpacks a whole file into blocks of the cache, and writes their index when all of them are there. Waits for the disk.
struct ImageUnpacking: Sendable {
    let pieces: WholeFile
    /// Bytes of the packed file.
    let size: UInt64
    let packing: PackedStream.Packing
    /// What it should unpack to.
    let format: DiskFormat
    let cache: BlockCache

    /// Bytes of the packed file that are unpacked at a time.
    private static let portion = 262_144
    /// Bytes for which the cache has room, or pieces that were unpacked leave it: those that were not are older there, and would be evicted
    /// before them.
    private static let clearance = 32 << 20
    /// Bytes of pieces that are removed at a time: each time all pins are read.
    private static let batch = 4 << 20

    /// - Parameters:
    ///   - path: of the index, which appears by rename.
    ///   - progress: called with the bytes of the packed file that are done; false ends it.
    /// - Throws: `DiskImageError` for what cannot be unpacked, ``VersionFetchError/notKept(bytes:)``; ``ImageIndexError``,
    ///   ``SystemCallError``, CancellationError.
    func run(to path: String, progress: (UInt64) -> Bool) throws {
        do { try unpack(to: path, progress: progress) } catch let excess as Excess {
            // That is known before the next download. Where it cannot be written, it is found out again.
            try? AtomicFile.write("\(excess.bytes)", to: ImageUnpacking.notePath(path), mode: 0o600)
            throw VersionFetchError.notKept(bytes: UInt64(max(BlockSize.standard, excess.bytes - excess.limit)))
        }
    }

    /// Bytes, without holes, that a file is known to unpack to at least; 0 where it was not tried, or all of them could be kept.
    static func known(_ path: String) -> UInt64 {
        // Most have none.
        (try? FileContents.readText(notePath(path), limit: 32)).flatMap { UInt64($0) } ?? 0
    }

    private static func notePath(_ path: String) -> String { "\(path).size" }

    private func unpack(to path: String, progress: (UInt64) -> Bool) throws {
        let stream = try PackedStream(packing, most: PackedStream.usualMost(ofFile: size))
        var blocks = BlockCutter(format: format, cache: cache)
        var (offset, left) = (UInt64(0), UInt64(0))
        while offset < size {
            if offset - left >= ImageUnpacking.batch, !cache.hasRoom(for: ImageUnpacking.clearance) {
                // What stays may be evicted.
                try? pieces.remove(within: left..<offset)
                left = offset
            }
            let bytes: [UInt8]
            do { bytes = try pieces.bytes(at: offset, most: ImageUnpacking.portion) } catch is WholeFile.MissingPiece {
                // Evicted, for what came before it.
                throw blocks.excess(with: Int(size - offset))
            }
            let end = offset + UInt64(bytes.count)
            try bytes.withUnsafeBytes { bytes in
                try stream.take(bytes, isLast: end == size) { part in
                    try blocks.append(part)
                    // A small part may unpack to much.
                    guard progress(offset) else { throw CancellationError() }
                }
            }
            offset = end
            guard progress(offset) else { throw CancellationError() }
        }
        try blocks.finish(index: path)
    }
}

/// There is more than the cache may hold: the rest need not be looked at.
private struct Excess: Error {
    let bytes: Int
    let limit: Int
}

/// Cuts bytes into blocks, and stores those that are not holes.
private struct BlockCutter {
    private static let length = BlockSize.standard
    /// Seconds for which another process may hold the cache.
    private static let patience = 60.0

    private let format: DiskFormat
    private let cache: BlockCache
    private let hole: BlockID
    private var block: [UInt8] = []
    /// The first bytes, until they have been looked at.
    private var head: [UInt8]? = []
    private var ids: [BlockID] = []
    private var size: UInt64 = 0
    /// Bytes that the cache may hold, and those of blocks so far that had to be stored.
    private let limit: Int
    private var kept = 0

    init(format: DiskFormat, cache: BlockCache) {
        (self.format, self.cache, limit) = (format, cache, cache.limit)
        hole = ImageIndex.zeroBlock(length: BlockCutter.length, algorithm: .sha256)
        block.reserveCapacity(BlockCutter.length)
    }

    /// What must be here at the same time, for which there is no room.
    /// - Parameter rest: bytes of the packed file that are still to be unpacked.
    func excess(with rest: Int) -> Excess { Excess(bytes: kept + rest, limit: limit) }

    mutating func append(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = rest.prefix(BlockCutter.length - block.count)
            block.append(contentsOf: part)
            rest = rest.dropFirst(part.count)
            if block.count == BlockCutter.length { try endBlock() }
        }
    }

    mutating func finish(index path: String) throws {
        if !block.isEmpty { try endBlock() }
        guard size > 0 else { throw DiskImageError.malformed(reason: "there is nothing in it") }
        if let head { try look(at: head) }
        // The first may have been evicted for the last.
        let missing = Set(ids).count { $0 != hole && !cache.contains($0) }
        guard missing == 0 else { throw VersionFetchError.notKept(bytes: UInt64(missing * BlockCutter.length)) }
        try ImageIndexWriter.write(
            blocks: ids, blockSize: BlockCutter.length, imageSize: size, algorithm: .sha256, to: path)
    }

    private mutating func endBlock() throws {
        size += UInt64(block.count)
        if let before = head {
            let now = before + block
            head = now.count < DiskInspection.prefixLength ? now : nil
            if head == nil { try look(at: now) }
        }
        let id = block.withUnsafeBytes { DigestAlgorithm.sha256.blockID(of: $0) }
        ids.append(id)
        if id != hole { try keep(id) }
        block.removeAll(keepingCapacity: true)
    }

    /// Before the rest of something else is unpacked.
    private func look(at head: [UInt8]) throws {
        if let refusal = DiskInspection(prefix: head, claimed: format).refusal { throw refusal }
    }

    private mutating func keep(_ id: BlockID) throws {
        if cache.contains(id) { return }
        kept += block.count
        guard kept <= limit else { throw Excess(bytes: kept, limit: limit) }
        let bytes = BlockBytes(length: block.count) { $0.copyBytes(from: block) }
        cache.store(id, bytes)
        if cache.contains(id) { return }
        // Another process may hold the cache.
        if cache.isFree(within: BlockCutter.patience) { cache.store(id, bytes) }
        guard cache.contains(id) else { throw VersionFetchError.notKept(bytes: UInt64(block.count)) }
    }
}
