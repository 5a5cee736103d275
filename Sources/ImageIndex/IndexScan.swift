import Linux

/// One pass over the table: every offset and length checked, and what later look-ups need.
struct IndexScan {
    private(set) var imageSize: UInt64 = 0
    private(set) var longestBlock = 0
    private(set) var lastBlock = 0
    /// Nil when blocks other than the last differ in length, or the last is longer than the others.
    private(set) var fixedBlockSize: Int?
    /// End offsets of items 0, stride, 2 * stride, …
    private(set) var landmarks: [UInt64] = []

    init(file: FileHandle, layout: IndexLayout, stride: Int) throws {
        var allEqual = true
        var firstBlock = 0
        for first in Swift.stride(from: 0, to: layout.count, by: 4096) {
            let range = first..<min(first + 4096, layout.count)
            let bytes = UnsafeRawBufferPointer(try IndexItem.bytes(from: file, layout.rows, range))
            defer { bytes.deallocate() }
            for position in range {
                let end = try layout.rows.end(ofRow: position - first, in: bytes, position: position)
                guard end > imageSize else {
                    throw ImageIndexError.malformed(
                        reason: "block \(position) ends at \(end), not after \(imageSize)")
                }
                let length = end - imageSize
                guard length <= layout.longestBlock else {
                    throw ImageIndexError.malformed(
                        reason: "block \(position) has \(length) bytes, more than \(layout.longestBlock)")
                }
                if position == 0 { firstBlock = Int(length) }
                // Every block but the last must equal the first.
                if position > 0 && lastBlock != firstBlock { allEqual = false }
                lastBlock = Int(length)
                longestBlock = max(longestBlock, lastBlock)
                imageSize = end
                if position.isMultiple(of: stride) { landmarks.append(end) }
            }
        }
        // FUSE, stat and QEMU count in signed 64 bits.
        guard imageSize <= UInt64(Int64.max) else {
            throw ImageIndexError.malformed(reason: "the image has \(imageSize) bytes")
        }
        fixedBlockSize = allEqual && lastBlock <= firstBlock ? firstBlock : nil
    }
}
