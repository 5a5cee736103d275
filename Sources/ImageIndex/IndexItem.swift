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
    static func read(
        from file: FileHandle, _ rows: IndexRows, _ range: Range<Int>
    ) throws(ImageIndexError) -> [IndexItem] {
        let size = range.count * rows.size
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
        defer { buffer.deallocate() }
        do throws(SystemCallError) {
            guard try file.read(into: buffer, at: rows.start + range.lowerBound * rows.size) == size else {
                throw SystemCallError(code: EIO, call: "pread", subject: "index (the file became shorter)")
            }
        } catch {
            throw .file(error)
        }
        let bytes = UnsafeRawBufferPointer(buffer)
        switch rows {
        case .casync: return (0..<range.count).map { IndexItem(bytes: bytes, at: $0 * rows.size) }
        case .lbcas(let header):
            var items: [IndexItem] = []
            items.reserveCapacity(range.count)
            for (row, position) in range.enumerated() {
                let line = bytes[(row * rows.size)..<((row + 1) * rows.size)]
                guard line.last == UInt8(ascii: "\n"),
                    let id = BlockID(sha1: String(decoding: line.dropLast(), as: UTF8.self))
                else { throw .malformed(reason: "line \(position + 2) is no SHA-1 of 40 digits") }
                items.append(IndexItem(end: header.end(of: position), id: id))
            }
            return items
        }
    }
}
