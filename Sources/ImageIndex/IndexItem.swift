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

    /// Reads one row.
    /// - Throws: ``ImageIndexError/malformed(reason:)``.
    init(row: UnsafeRawBufferPointer, _ rows: IndexRows, position: Int) throws(ImageIndexError) {
        switch rows {
        case .casync:
            end = UInt64(littleEndian: row.loadUnaligned(as: UInt64.self))
            id = BlockID(bytes: UnsafeRawBufferPointer(rebasing: row[8...]))
        case .lbcas(let header):
            guard row.last == UInt8(ascii: "\n"),
                let id = BlockID(sha1: String(decoding: row.dropLast(), as: UTF8.self))
            else { throw .malformed(reason: "line \(position + 2) is no SHA-1 of 40 digits") }
            end = header.end(of: position)
            self.id = id
        }
    }

    /// Reads the rows of a range in one call.
    static func read(
        from file: FileHandle, _ rows: IndexRows, _ range: Range<Int>
    ) throws(ImageIndexError) -> [IndexItem] {
        let bytes = UnsafeRawBufferPointer(try bytes(from: file, rows, range))
        defer { bytes.deallocate() }
        var items: [IndexItem] = []
        items.reserveCapacity(range.count)
        for row in 0..<range.count {
            let row = (row * rows.size)..<((row + 1) * rows.size)
            items.append(
                try IndexItem(
                    row: UnsafeRawBufferPointer(rebasing: bytes[row]), rows, position: range.lowerBound + items.count))
        }
        return items
    }

    /// The rows of a range as they lie in the file, for the caller to free.
    static func bytes(
        from file: FileHandle, _ rows: IndexRows, _ range: Range<Int>
    ) throws(ImageIndexError) -> UnsafeMutableRawBufferPointer {
        let size = range.count * rows.size
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
        do throws(SystemCallError) {
            guard try file.read(into: buffer, at: rows.start + range.lowerBound * rows.size) == size else {
                throw SystemCallError(code: EIO, call: "pread", subject: "index (the file became shorter)")
            }
        } catch {
            buffer.deallocate()
            throw .file(error)
        }
        return buffer
    }
}
