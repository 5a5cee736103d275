/// Which parts of a disk were written to since a bitmap was added to its qcow2 file, by QEMU or `qemu-img bitmap --add`: QEMU's
/// docs/interop/qcow2.rst. Only one that has seen every write until now can be read.
package struct Qcow2Bitmap: Sendable {
    /// Bytes of a bitmap at most: at QEMU's usual 64 KiB a bit, more than any disk that is read here needs.
    private static let longest = 64 << 20
    private static let longestDirectory = 4 << 20
    private static let offsetMask: UInt64 = 0x00FF_FFFF_FFFF_FE00

    private let diskSize: UInt64
    private let granularityBits: UInt64
    /// One bit for each part of the disk, the lowest of a byte first; 1 is written to.
    private let bits: [UInt8]

    /// Finds and reads a bitmap.
    /// - Throws: ``DiskImageError``, also where there is none of that name, or it may have missed a write; what `file` throws.
    package init(_ name: String, in file: some DiskFile) throws {
        let prefix = try file.bytes(in: 0..<min(file.size, UInt64(Qcow2Header.longest)))
        let header = try Qcow2Header.read(prefix).get()
        guard let place = try Qcow2Directory(prefix, header) else {
            throw DiskImageError.unsupported(reason: "it has no bitmap")
        }
        guard place.length <= Qcow2Bitmap.longestDirectory, place.offset <= file.size,
            UInt64(place.length) <= file.size - place.offset
        else { throw DiskImageError.malformed(reason: "a list of bitmaps of \(place.length) bytes") }
        let directory = try file.bytes(in: place.offset..<place.offset + UInt64(place.length))
        let entries = try Qcow2BitmapEntry.all(in: directory, count: place.count)
        guard let entry = entries.first(where: { $0.name == name }) else {
            let names = entries.prefix(8).map(\.name.debugDescription).joined(separator: ", ")
            throw DiskImageError.unsupported(reason: "it has no bitmap \(name.debugDescription), but \(names)")
        }
        try entry.check()
        diskSize = header.diskSize
        granularityBits = entry.granularityBits
        let count = (header.diskSize - 1) >> granularityBits + 1
        let length = (count + 7) / 8
        guard length <= Qcow2Bitmap.longest else {
            throw DiskImageError.unsupported(reason: "its bitmap has \(length) bytes")
        }
        let clusters = (length + header.clusterSize - 1) >> header.clusterBits
        guard clusters == entry.tableCount, entry.tableOffset <= file.size,
            clusters * 8 <= file.size - entry.tableOffset
        else { throw DiskImageError.malformed(reason: "a bitmap of another disk, or one that is cut off") }
        let table = try file.bytes(in: entry.tableOffset..<entry.tableOffset + clusters * 8)
        bits = try Qcow2Bitmap.bits(table, length: length, clusterSize: header.clusterSize, file)
    }

    private static func bits(
        _ table: [UInt8], length: UInt64, clusterSize: UInt64, _ file: some DiskFile
    ) throws -> [UInt8] {
        var bits: [UInt8] = []
        bits.reserveCapacity(Int(length))
        // Whoever cuts the file meanwhile gets an error.
        let cut = DiskImageError.malformed(reason: "a bitmap that is cut off")
        guard table.count.isMultiple(of: 8) else { throw cut }
        for position in stride(from: 0, to: table.count, by: 8) {
            let wanted = min(clusterSize, length - UInt64(bits.count))
            let entry: UInt64 = table.withUnsafeBytes { $0.bigEndian(at: position) }
            let offset = entry & offsetMask
            if offset == 0, entry <= 1 {
                bits += [UInt8](repeating: entry == 1 ? 0xFF : 0, count: Int(wanted))
                continue
            }
            guard entry == offset, offset & (clusterSize - 1) == 0, offset <= file.size, wanted <= file.size - offset
            else { throw DiskImageError.malformed(reason: "a part of a bitmap at \(offset) of \(file.size) bytes") }
            bits += try file.bytes(in: offset..<offset + wanted)
        }
        guard UInt64(bits.count) == length else { throw cut }
        return bits
    }

    /// Whether nothing was written to any part that a range of the disk touches. What lies past the disk's end was written to.
    package func isClean(_ range: Range<UInt64>) -> Bool {
        guard range.upperBound <= diskSize else { return false }
        guard !range.isEmpty else { return true }
        return (range.lowerBound >> granularityBits...(range.upperBound - 1) >> granularityBits).allSatisfy {
            bits[Int($0 >> 3)] & (1 << UInt8($0 & 7)) == 0
        }
    }
}

/// Where a file says that it lists its bitmaps.
private struct Qcow2Directory {
    let count: Int
    let offset: UInt64
    let length: Int

    /// Nil where no bitmap was ever added.
    /// - Throws: ``DiskImageError``.
    init?(_ prefix: [UInt8], _ header: Qcow2Header) throws(DiskImageError) {
        guard header.version == 3 else { return nil }
        let found = prefix.withUnsafeBytes { bytes -> (features: UInt64, UInt32, UInt64, UInt64)? in
            // The header has been checked: its extensions end within the first cluster.
            var position = Int(bytes.bigEndian(at: 100) as UInt32)
            let end = min(bytes.count, Int(header.clusterSize))
            while position + 8 <= end {
                let type: UInt32 = bytes.bigEndian(at: position)
                let length: UInt32 = bytes.bigEndian(at: position + 4)
                if type == 0 { return nil }
                if type == 0x2385_2875, length >= 24, position + 32 <= end {
                    return (
                        bytes.bigEndian(at: 88), bytes.bigEndian(at: position + 8), bytes.bigEndian(at: position + 24),
                        bytes.bigEndian(at: position + 16)
                    )
                }
                position += 8 + (Int(length) + 7) & ~7
            }
            return nil
        }
        guard let found else { return nil }
        // Who writes to the file and does not know of bitmaps takes this mark away.
        guard found.features & 1 != 0 else {
            throw .unsupported(reason: "a program that does not keep its bitmaps up to date has written to it")
        }
        guard found.1 <= 65_535, found.3 <= UInt64(UInt32.max) else {
            throw .malformed(reason: "\(found.1) bitmaps in a list of \(found.3) bytes")
        }
        (count, offset, length) = (Int(found.1), found.2, Int(found.3))
    }
}

/// What the list says of one bitmap.
private struct Qcow2BitmapEntry {
    let name: String
    let tableOffset: UInt64
    /// Entries of its table, each a cluster of its bits.
    let tableCount: UInt32
    let flags: UInt32
    let type: UInt8
    let granularityBits: UInt64
    let hasExtra: Bool

    static func all(in directory: [UInt8], count: Int) throws(DiskImageError) -> [Qcow2BitmapEntry] {
        var entries: [Qcow2BitmapEntry] = []
        var position = 0
        for _ in 0..<count {
            guard let next = Qcow2BitmapEntry(directory, at: &position) else {
                throw .malformed(reason: "a list of bitmaps that is cut off")
            }
            entries.append(next)
        }
        return entries
    }

    /// Nil where it does not end within the list.
    private init?(_ directory: [UInt8], at position: inout Int) {
        let start = position
        guard directory.count - start >= 24 else { return nil }
        let lengths = directory.withUnsafeBytes { bytes in
            (
                name: Int(bytes.bigEndian(at: start + 18) as UInt16),
                extra: Int(bytes.bigEndian(at: start + 20) as UInt32)
            )
        }
        guard lengths.extra <= directory.count, lengths.name + lengths.extra <= directory.count - start - 24 else {
            return nil
        }
        let nameStart = start + 24 + lengths.extra
        name = String(decoding: directory[nameStart..<nameStart + lengths.name], as: UTF8.self)
        hasExtra = lengths.extra > 0
        (tableOffset, tableCount, flags) = directory.withUnsafeBytes { bytes in
            (bytes.bigEndian(at: start), bytes.bigEndian(at: start + 8), bytes.bigEndian(at: start + 12))
        }
        type = directory[start + 16]
        granularityBits = UInt64(directory[start + 17])
        position = start + (24 + lengths.extra + lengths.name + 7) & ~7
    }

    /// - Throws: ``DiskImageError`` where the bitmap may not know of every write.
    func check() throws(DiskImageError) {
        let known = name.debugDescription
        if flags & 1 != 0 {
            throw .unsupported(
                reason: "the bitmap \(known) is inconsistent: a program has the disk open, or was cut off while it had")
        }
        guard flags & 2 != 0 else {
            throw .unsupported(reason: "the bitmap \(known) is disabled, and does not see what is written")
        }
        guard type == 1, flags & ~7 == 0, !hasExtra || flags & 4 != 0 else {
            throw .unsupported(reason: "the bitmap \(known) is of a kind that is not known here")
        }
        guard (9...31).contains(granularityBits) else {
            throw .malformed(reason: "the bitmap \(known) has parts of 2^\(granularityBits) bytes")
        }
    }
}
