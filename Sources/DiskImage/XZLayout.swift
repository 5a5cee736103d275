import Formats
import Lzma

/// A raw disk in an xz file of one stream, whose blocks can each be decompressed by itself: as `xz -T` and `xz --block-size` write it.
package final class XZLayout: DiskLayout {
    /// The longest block that is decompressed for a read of it, in bytes of the disk.
    package static let longestBlock: UInt64 = 32 << 20
    /// xz's own for data that cannot be compressed is less.
    private static let longestStoredBlock = longestBlock + 1 << 20
    private static let longestIndex: UInt64 = 4 << 20
    /// The shortest block but the last, in bytes of the disk: shorter ones would cost more to keep in mind than they hold.
    private static let shortestBlock: UInt64 = 64 << 10
    private static let indexMemory: UInt64 = 64 << 20
    /// What decompressing a block may need: its dictionary, and the filters.
    private static let blockMemory: UInt64 = 48 << 20

    package let diskSize: UInt64
    package let longestUnit: Int
    private let stream: XZStreamEnd
    private let blocks: [XZBlock]

    /// Reads the header, the footer and the index.
    /// - Throws: ``DiskImageError``: notInParts where it can only be unpacked as a whole; what `file` throws.
    package init(_ file: some DiskFile) throws {
        let end = UInt64(XZStreamEnd.length)
        guard file.size >= 2 * end + 8 else { throw DiskImageError.malformed(reason: "it is too short for an xz file") }
        let header = try XZLayout.reading("its header") { () throws in
            try file.bytes(in: 0..<end).withUnsafeBytes { try XZStreamEnd(header: $0) }
        }
        let lastBytes = try file.bytes(in: file.size - end..<file.size)
        if lastBytes.suffix(4).allSatisfy({ $0 == 0 }) {
            throw DiskImageError.notInParts(
                reason: "it is filled up with zeros behind its end, and \(XZLayout.downloadFirst(file.size))")
        }
        let footer = try XZLayout.reading("its last bytes") { () throws in
            try lastBytes.withUnsafeBytes { try XZStreamEnd(footer: $0) }
        }
        guard footer.indexLength <= file.size - 2 * end else {
            throw DiskImageError.malformed(reason: "its index is longer than the file")
        }
        guard footer.indexLength <= XZLayout.longestIndex else {
            throw DiskImageError.notInParts(
                reason: "it consists of too many blocks, and \(XZLayout.downloadFirst(file.size))")
        }
        let start = file.size - end - footer.indexLength
        let index = try file.bytes(in: start..<start + footer.indexLength)
        let (all, streamLength) = try XZLayout.reading("its index") { () throws in
            try index.withUnsafeBytes { try XZBlock.all(index: $0, memory: XZLayout.indexMemory) }
        }
        guard streamLength == file.size else {
            throw streamLength < file.size
                ? DiskImageError.notInParts(
                    reason: "it consists of several xz streams, and \(XZLayout.downloadFirst(file.size))")
                : DiskImageError.malformed(reason: "its index is of another file")
        }
        guard header.matches(footer) else { throw DiskImageError.malformed(reason: "its ends are of two files") }
        let blocks = all.filter { $0.contentLength > 0 }
        guard blocks.dropLast().allSatisfy({ $0.contentLength >= XZLayout.shortestBlock }) else {
            throw DiskImageError.notInParts(
                reason: "it consists of too many blocks, and \(XZLayout.downloadFirst(file.size))")
        }
        let longest = blocks.map(\.contentLength).max() ?? 0
        guard longest <= XZLayout.longestBlock else {
            let what =
                blocks.count == 1
                ? "it is compressed in one piece" : "it is compressed in pieces of \(ByteCount.text(longest))"
            throw DiskImageError.notInParts(reason: "\(what), and \(XZLayout.downloadFirst(file.size))")
        }
        guard blocks.allSatisfy({ $0.storedLength <= XZLayout.longestStoredBlock }) else {
            throw DiskImageError.malformed(reason: "a block is longer than what is in it")
        }
        diskSize = blocks.last.map { $0.contentOffset + $0.contentLength } ?? 0
        guard diskSize > 0, diskSize <= DiskBounds.longestDisk else {
            throw DiskImageError.malformed(reason: "a disk of \(diskSize) bytes")
        }
        longestUnit = Int(longest)
        stream = footer
        self.blocks = blocks
    }

    private static func downloadFirst(_ size: UInt64) -> String {
        "must be downloaded first (\(ByteCount.text(size)))"
    }

    private static func reading<Value>(_ what: String, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch LzmaError.malformed {
            throw DiskImageError.malformed(reason: "\(what) cannot be read")
        } catch let error as LzmaError {
            throw DiskImageError.unsupported(reason: "\(what): \(error)")
        }
    }

    package func find(_ range: Range<UInt64>) throws(DiskImageError) -> DiskFinding {
        precondition(!range.isEmpty && range.upperBound <= diskSize, "\(range) of \(diskSize)")
        // The first block that ends behind the range's start.
        var low = 0
        var high = blocks.count
        while low < high {
            let middle = (low + high) / 2
            let end = blocks[middle].contentOffset + blocks[middle].contentLength
            if end > range.lowerBound { high = middle } else { low = middle + 1 }
        }
        var parts = PartList()
        var offset = range.lowerBound
        while offset < range.upperBound {
            let block = blocks[low]
            let end = min(range.upperBound, block.contentOffset + block.contentLength)
            let unit = DiskUnit(
                number: low, stored: block.offset..<block.offset + block.storedLength, length: Int(block.contentLength))
            parts.append(.unit(unit, from: Int(offset - block.contentOffset)), count: Int(end - offset))
            offset = end
            low += 1
        }
        return .parts(parts.parts)
    }

    /// It has no tables.
    package func take(table range: Range<UInt64>, _ bytes: UnsafeRawBufferPointer) throws(DiskImageError) {}

    package func decode(
        _ unit: DiskUnit, _ stored: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer,
        by decoder: UnitDecoder
    ) throws(DiskImageError) {
        do throws(LzmaError) {
            try blocks[unit.number].decompress(stored, into: output, of: stream, memory: XZLayout.blockMemory)
        } catch {
            throw .malformed(reason: "the block at \(unit.stored.lowerBound): \(error)")
        }
    }
}
