import ContentAddress
import Glibc
import Linux

/// One row of the table: where a block ends, and its id.
struct IndexItem {
    let end: UInt64
    let id: BlockID

    init(end: UInt64, id: BlockID) {
        self.end = end
        self.id = id
    }

    private init(bytes: UnsafeRawBufferPointer, at offset: Int) {
        end = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        id = BlockID(bytes: UnsafeRawBufferPointer(rebasing: bytes[(offset + 8)..<(offset + BlobIndexFormat.itemSize)]))
    }

    /// Reads the rows of a range in one call.
    static func read(from file: FileHandle, _ range: Range<Int>) throws(SystemCallError) -> [IndexItem] {
        let size = range.count * BlobIndexFormat.itemSize
        let start = BlobIndexFormat.headerSize + BlobIndexFormat.tableHeaderSize
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
        defer { buffer.deallocate() }
        guard try file.read(into: buffer, at: start + range.lowerBound * BlobIndexFormat.itemSize) == size else {
            throw SystemCallError(code: EIO, call: "pread", subject: "index (the file became shorter)")
        }
        return (0..<range.count).map {
            IndexItem(bytes: UnsafeRawBufferPointer(buffer), at: $0 * BlobIndexFormat.itemSize)
        }
    }
}
