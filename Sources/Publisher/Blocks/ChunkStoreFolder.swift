import Catalog
import ContentAddress
import Linux
import Zstd

/// A casync chunk store on the local disk that blocks are written to: `abcd/abcd….cacnk`, zstd.
struct ChunkStoreFolder: Sendable {
    let path: String

    func path(of id: BlockID) -> String { "\(path)/\(id.chunkStorePath)" }

    /// Bytes of a block's file, or nil when there is none that could be the block: a power cut can leave an empty one.
    /// - Throws: ``SystemCallError`` when that cannot be seen.
    func storedSize(of id: BlockID, length: Int) throws(SystemCallError) -> UInt64? {
        guard let status = try Paths.status(path(of: id)), status.kind == .regular else { return nil }
        return ChunkStoreFolder.isPlausible(size: status.size, length: length) ? UInt64(status.size) : nil
    }

    /// Whether a file of `size` bytes can be a block of `length` bytes.
    static func isPlausible(size: Int, length: Int) -> Bool {
        // zstd's shortest frame that holds a byte has more than 8.
        (9...ZstdCompressor.bound(length)).contains(size)
    }

    /// Marks a block as in use, for a prune by age. A read-only store stays as it is.
    ///
    /// Whole seconds: so ``VerifiedBlocks`` tells our touch from a write.
    /// - Throws: ``SystemCallError``: a prune would not know of the use.
    func touch(_ id: BlockID) throws(SystemCallError) {
        do {
            try Paths.setTimes(path(of: id), seconds: Int(Timestamp.now.seconds))
        } catch  where [.readOnlyFileSystem, .accessDenied, .notPermitted].contains(error.number) {}
    }

    /// Sees to it that a block is in the store: marks it as in use where it is, and else compresses and stores it.
    /// - Parameter frame: room for it compressed.
    /// - Returns: bytes of its file, and whether it is a new one.
    /// - Throws: ``PublisherError/unwritable(_:)``, ``PublisherError/compression(reason:)``.
    func keep(
        _ id: BlockID, _ block: UnsafeRawBufferPointer, compressedBy compressor: ZstdCompressor,
        into frame: UnsafeMutableRawBufferPointer, by ingest: IngestFolder
    ) throws(PublisherError) -> (size: UInt64, isNew: Bool) {
        do {
            if let size = try storedSize(of: id, length: block.count) {
                try touch(id)
                return (size, false)
            }
        } catch {
            throw .unwritable(error)
        }
        let size: Int
        do {
            size = try compressor.compress(block, into: frame)
        } catch {
            throw .compression(reason: "\(error)")
        }
        do {
            try store(id, UnsafeRawBufferPointer(rebasing: frame[..<size]), by: ingest)
        } catch {
            throw .unwritable(error)
        }
        return (UInt64(size), true)
    }

    /// Stores a block's compressed bytes; they appear whole or not at all.
    /// - Parameter durable: where they take the place of what somebody may rely on.
    /// - Throws: ``SystemCallError``; nothing is left behind then.
    func store(
        _ id: BlockID, _ frame: UnsafeRawBufferPointer, by ingest: IngestFolder, durable: Bool = false
    ) throws(SystemCallError) {
        try ingest.write(frame, to: path(of: id), durable: durable)
    }
}
