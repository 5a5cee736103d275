import ContentAddress
import Glibc
import Linux
import Zstd

/// A casync chunk store on the local disk that blocks are written to: `abcd/abcd….cacnk`, zstd.
struct BlockStoreFolder: Sendable {
    let path: String

    func path(of id: BlockID) -> String { "\(path)/\(id.chunkStorePath)" }

    /// Bytes of a block's file, or nil when there is none that could be the block: a power cut can leave an empty one.
    func storedSize(of id: BlockID, length: Int) -> UInt64? {
        var status = stat()
        guard stat(path(of: id), &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return BlockStoreFolder.isPlausible(size: Int(status.st_size), length: length) ? UInt64(status.st_size) : nil
    }

    /// Whether a file of `size` bytes can be a block of `length` bytes.
    static func isPlausible(size: Int, length: Int) -> Bool {
        // zstd's shortest frame that holds a byte has more than 8.
        (9...ZstdCompressor.bound(length)).contains(size)
    }

    /// Says that a block is in use, to whoever prunes by age. A read-only store stays as it is.
    ///
    /// Whole seconds: so ``VerifiedBlocks`` tells our touch from a write.
    func touch(_ id: BlockID) {
        let now = timespec(tv_sec: time(nil), tv_nsec: 0)
        utimensat(AT_FDCWD, path(of: id), [now, now], 0)
    }

    /// Stores a block's compressed bytes; they appear whole or not at all.
    /// - Throws: ``SystemCallError``; nothing is left behind then.
    func store(_ id: BlockID, _ frame: UnsafeRawBufferPointer, by ingest: IngestFolder) throws(SystemCallError) {
        let target = path(of: id)
        let temporary = ingest.newPath()
        do throws(SystemCallError) {
            try FileHandle(path: temporary, flags: O_WRONLY | O_CREAT | O_EXCL).write(frame)
            if rename(temporary, target) == 0 { return }
            guard errno == ENOENT else { throw SystemCallError.last("rename", target) }
            let folder = "\(path)/\(id.hex.prefix(4))"
            if mkdir(folder, 0o755) != 0 && errno != EEXIST { throw SystemCallError.last("mkdir", folder) }
            try systemCall("rename", target) { rename(temporary, target) }
        } catch {
            unlink(temporary)
            throw error
        }
    }
}
