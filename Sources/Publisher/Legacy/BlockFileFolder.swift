import BlockStore
import ContentAddress
import Glibc
import Linux
import Zlib

/// An LBCAS store's folder on the local disk: `blockfile/<40 hex>`, zlib.
struct BlockFileFolder: Sendable {
    let path: String

    /// The store that belongs to an index: the folder beside it.
    init(besideIndex index: String) {
        path = "\(Folder.parent(of: index) ?? ".")/blockfile"
    }

    func path(of id: BlockID) -> String { "\(path)/\(id.sha1)" }

    /// Bytes of a block's file; nil when there is none that could be the block.
    func storedSize(of id: BlockID, length: Int) -> UInt64? {
        var status = stat()
        guard stat(path(of: id), &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        // A zlib stream that holds a byte has more than 8.
        return (9...Zlib.bound(length)).contains(Int(status.st_size)) ? UInt64(status.st_size) : nil
    }

    /// Stores a compressed block; it appears whole or not at all.
    /// - Throws: ``SystemCallError``.
    func store(_ id: BlockID, _ stream: UnsafeRawBufferPointer, by ingest: IngestFolder) throws(SystemCallError) {
        let temporary = ingest.newPath()
        do throws(SystemCallError) {
            try FileHandle(path: temporary, flags: O_WRONLY | O_CREAT | O_EXCL).write(stream)
            try systemCall("rename", path(of: id)) { rename(temporary, path(of: id)) }
        } catch {
            unlink(temporary)
            throw error
        }
    }
}
