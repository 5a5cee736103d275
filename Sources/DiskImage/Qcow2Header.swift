import Formats

/// The first bytes of a qcow2 file, checked: QEMU's docs/interop/qcow2.rst.
struct Qcow2Header: Sendable, Equatable {
    enum Compression: UInt8, Sendable {
        case deflate = 0
        case zstd = 1
    }

    static let magic: [UInt8] = [0x51, 0x46, 0x49, 0xFB]
    /// Bytes that hold the header and its extensions in any file that is read here; less where the file or its clusters are smaller.
    static let longest = 65_536
    /// As QEMU has it.
    static let longestL1Table = 32 << 20

    let version: UInt32
    let clusterBits: UInt64
    let diskSize: UInt64
    let l1Offset: UInt64
    /// Entries of the L1 table that the disk needs; the table may have more.
    let l1Count: Int
    let compression: Compression

    var clusterSize: UInt64 { 1 << clusterBits }
    /// Entries of one L2 table, as a power of 2.
    var l2Bits: UInt64 { clusterBits - 3 }

    /// - Parameter prefix: the file's first bytes: ``longest`` of them, or all.
    static func read(_ prefix: [UInt8]) -> Result<Qcow2Header, DiskImageError> {
        prefix.withUnsafeBytes { bytes in
            Result { () throws(DiskImageError) in
                try Qcow2Header(UnsafeRawBufferPointer(rebasing: bytes.prefix(longest)))
            }
        }
    }

    private init(_ bytes: UnsafeRawBufferPointer) throws(DiskImageError) {
        guard bytes.count >= 72, bytes.prefix(4).elementsEqual(Qcow2Header.magic) else {
            throw .malformed(reason: "it has no qcow2 header")
        }
        version = bytes.bigEndian(at: 4)
        guard version != 1 else {
            throw .unsupported(reason: "it is of the first qcow format, which QEMU gave up in 2008")
        }
        guard version == 2 || version == 3 else { throw .unsupported(reason: "it is of qcow2 version \(version)") }
        let backingFile: UInt64 = bytes.bigEndian(at: 8)
        guard backingFile == 0 else { throw .unsupported(reason: "most of it is in another file, its backing file") }
        let bits: UInt32 = bytes.bigEndian(at: 20)
        guard (9...21).contains(bits) else { throw .malformed(reason: "clusters of 2^\(bits) bytes") }
        clusterBits = UInt64(bits)
        diskSize = bytes.bigEndian(at: 24)
        guard diskSize > 0, diskSize.isMultiple(of: 512), diskSize <= DiskBounds.longestDisk else {
            throw .malformed(reason: "a disk of \(diskSize) bytes")
        }
        guard bytes.bigEndian(at: 32) == UInt32(0) else { throw .unsupported(reason: "it is encrypted") }

        let l2Coverage = 2 * clusterBits - 3
        let needed = (diskSize - 1) >> l2Coverage + 1
        let l1Size: UInt32 = bytes.bigEndian(at: 36)
        guard needed <= UInt64(l1Size), UInt64(l1Size) * 8 <= UInt64(Qcow2Header.longestL1Table) else {
            throw .malformed(reason: "a first table of \(l1Size) entries for a disk of \(diskSize) bytes")
        }
        l1Count = Int(needed)
        l1Offset = bytes.bigEndian(at: 40)
        guard l1Offset > 0, l1Offset & (1 << clusterBits - 1) == 0, l1Offset < DiskBounds.longestFile else {
            throw .malformed(reason: "a first table at \(l1Offset)")
        }
        let features = try Qcow2Header.features(bytes, version: version)
        compression = features.compression
        try Qcow2Header.checkExtensions(bytes, from: features.end, to: min(bytes.count, 1 << Int(bits)))
    }

    /// What version 3 adds, and where the header ends.
    private static func features(
        _ bytes: UnsafeRawBufferPointer, version: UInt32
    ) throws(DiskImageError) -> (compression: Compression, end: Int) {
        guard version == 3 else { return (.deflate, 72) }
        guard bytes.count >= 104 else { throw .malformed(reason: "its header is cut off") }
        let incompatible: UInt64 = bytes.bigEndian(at: 72)
        if incompatible & 2 != 0 { throw .unsupported(reason: "it is marked as damaged") }
        if incompatible & 1 != 0 { throw .unsupported(reason: "whoever wrote it was cut off, and it may be damaged") }
        if incompatible & 4 != 0 { throw .unsupported(reason: "its data is in another file") }
        if incompatible & 16 != 0 { throw .unsupported(reason: "it has subclusters (extended L2 entries)") }
        guard incompatible & ~8 == 0 else {
            throw .unsupported(reason: "it needs features that are not known here (\(incompatible))")
        }
        let length: UInt32 = bytes.bigEndian(at: 100)
        guard (104...4096).contains(length), length.isMultiple(of: 8), Int(length) <= bytes.count else {
            throw .malformed(reason: "a header of \(length) bytes")
        }
        let type = length > 104 ? bytes[104] : 0
        guard (type != 0) == (incompatible & 8 != 0) else {
            throw .malformed(reason: "two answers to how it is compressed")
        }
        guard let compression = Compression(rawValue: type) else {
            throw .unsupported(reason: "it is compressed in a way that is not known here (\(type))")
        }
        return (compression, Int(length))
    }

    /// The header's extensions end with the first cluster at the latest.
    private static func checkExtensions(
        _ bytes: UnsafeRawBufferPointer, from start: Int, to end: Int
    ) throws(DiskImageError) {
        var position = start
        while position + 8 <= end {
            let type: UInt32 = bytes.bigEndian(at: position)
            let length: UInt32 = bytes.bigEndian(at: position + 4)
            switch type {
            case 0: return
            case 0xE279_2ACA: throw .unsupported(reason: "most of it is in another file, its backing file")
            case 0x4441_5441: throw .unsupported(reason: "its data is in another file")
            case 0x0537_BE77: throw .unsupported(reason: "it is encrypted")
            default: break
            }
            guard Int(length) <= end - position - 8 else { throw .malformed(reason: "a header that does not end") }
            position += 8 + (Int(length) + 7) & ~7
        }
    }
}

/// What is read at most.
enum DiskBounds {
    static let longestDisk: UInt64 = 16 << 40
    /// Offsets in tables have 56 bits.
    static let longestFile: UInt64 = 1 << 56
}

extension UnsafeRawBufferPointer {
    /// The number at an offset, most significant byte first.
    func bigEndian<Number: FixedWidthInteger>(at offset: Int) -> Number {
        Number(bigEndian: loadUnaligned(fromByteOffset: offset, as: Number.self))
    }
}
