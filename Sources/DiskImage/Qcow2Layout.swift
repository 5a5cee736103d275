import Synchronization

/// A disk in a qcow2 file, of version 2 or 3: an L1 table of L2 tables of clusters, which lie there as they are or compressed, in any
/// order. Snapshots in the file are not looked at, nor is its count of references.
package final class Qcow2Layout: DiskLayout {
    /// What L2 tables may take up in memory: at QEMU's usual 64 KiB, those of 128 GiB of the disk.
    private static let tablesLimit = 16 << 20
    private static let offsetMask: UInt64 = 0x00FF_FFFF_FFFF_FE00

    private let header: Qcow2Header
    private let fileSize: UInt64
    /// Where the L2 tables lie; 0 for zeros.
    private let l1: [UInt64]
    /// By their offset in the file.
    private let tables = Mutex(RecentValues<UInt64, [UInt64]>(limit: tablesLimit))

    package var diskSize: UInt64 { header.diskSize }
    package var longestUnit: Int { Int(header.clusterSize) }

    /// Reads the header and the L1 table.
    /// - Throws: ``DiskImageError``; what `file` throws.
    package init(_ file: some DiskFile) throws {
        fileSize = file.size
        header = try Qcow2Header.read(try file.bytes(in: 0..<min(file.size, UInt64(Qcow2Header.longest)))).get()
        let end = header.l1Offset + UInt64(header.l1Count) * 8
        guard end <= fileSize else { throw DiskImageError.malformed(reason: "its first table is cut off") }
        var l1: [UInt64] = []
        l1.reserveCapacity(header.l1Count)
        for start in stride(from: header.l1Offset, to: end, by: 1 << 20) {
            let part = try file.bytes(in: start..<min(start + 1 << 20, end))
            part.withUnsafeBytes { bytes in
                for position in stride(from: 0, to: bytes.count, by: 8) {
                    l1.append(bytes.bigEndian(at: position) & Qcow2Layout.offsetMask)
                }
            }
        }
        for offset in l1 where offset != 0 {
            guard offset & (header.clusterSize - 1) == 0, offset <= fileSize, header.clusterSize <= fileSize - offset
            else {
                throw DiskImageError.malformed(reason: "a table at \(offset) of \(fileSize) bytes")
            }
        }
        self.l1 = l1
    }

    package func find(_ range: Range<UInt64>) throws(DiskImageError) -> DiskFinding {
        precondition(!range.isEmpty && range.upperBound <= diskSize, "\(range) of \(diskSize)")
        let coverage = header.clusterBits + header.l2Bits
        let offsets = l1[Int(range.lowerBound >> coverage)...Int((range.upperBound - 1) >> coverage)]
        let known = tables.withLock { tables in offsets.map { $0 == 0 ? [] : tables.use($0) } }
        let missing = Set(zip(offsets, known).filter { $0.1 == nil }.map(\.0))
        guard missing.isEmpty else { return .tables(missing.sorted().map { $0..<($0 + header.clusterSize) }) }

        var parts = PartList()
        var offset = range.lowerBound
        for table in known {
            let end = min(range.upperBound, ((offset >> coverage) + 1) << coverage)
            // Those that are missing were asked for.
            if let table, !table.isEmpty {
                while offset < end {
                    let next = min(end, ((offset >> header.clusterBits) + 1) << header.clusterBits)
                    let entry = table[Int((offset >> header.clusterBits) & (1 << header.l2Bits - 1))]
                    try append(entry, offset..<next, to: &parts)
                    offset = next
                }
            } else {
                parts.append(.zeros, count: Int(end - offset))
                offset = end
            }
        }
        return .parts(parts.parts)
    }

    /// - Parameter range: lies within one cluster.
    private func append(_ entry: UInt64, _ range: Range<UInt64>, to parts: inout PartList) throws(DiskImageError) {
        let inCluster = range.lowerBound & (header.clusterSize - 1)
        let count = Int(range.upperBound - range.lowerBound)
        if entry & 1 << 62 != 0 {
            let cluster = Int(range.lowerBound >> header.clusterBits)
            return parts.append(.unit(try unit(cluster, entry), from: Int(inCluster)), count: count)
        }
        let offset = entry & Qcow2Layout.offsetMask
        let readsAsZeros = entry & 1 != 0
        if readsAsZeros && header.version < 3 { throw .malformed(reason: "an entry that version 2 does not have") }
        if readsAsZeros || offset == 0 { return parts.append(.zeros, count: count) }
        guard offset & (header.clusterSize - 1) == 0, offset < fileSize else {
            throw .malformed(reason: "a cluster at \(offset) of \(fileSize) bytes")
        }
        // What lies past the file's end was never written: QEMU reads zeros there, too.
        let present = Int(min(UInt64(count), fileSize - min(fileSize, offset + inCluster)))
        if present > 0 { parts.append(.stored(at: offset + inCluster), count: present) }
        if present < count { parts.append(.zeros, count: count - present) }
    }

    private func unit(_ cluster: Int, _ entry: UInt64) throws(DiskImageError) -> DiskUnit {
        let offsetBits = 62 - (header.clusterBits - 8)
        let offset = entry & (1 << offsetBits - 1)
        let sectors = (entry >> offsetBits) & (1 << (header.clusterBits - 8) - 1) + 1
        guard offset < fileSize else {
            throw .malformed(reason: "a compressed cluster at \(offset) of \(fileSize) bytes")
        }
        // The length is in whole sectors: at the file's end it says more than there is.
        let end = min(offset & ~511 + sectors * 512, fileSize)
        return DiskUnit(number: cluster, stored: offset..<end, length: Int(header.clusterSize))
    }

    package func take(table range: Range<UInt64>, _ bytes: UnsafeRawBufferPointer) throws(DiskImageError) {
        guard bytes.count == Int(header.clusterSize) else { throw .malformed(reason: "a table is cut off") }
        let table = stride(from: 0, to: bytes.count, by: 8).map { bytes.bigEndian(at: $0) as UInt64 }
        tables.withLock { $0.insert(table, for: range.lowerBound, cost: bytes.count) }
    }

    package func decode(
        _ unit: DiskUnit, _ stored: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer,
        by decoder: UnitDecoder
    ) throws(DiskImageError) {
        do {
            switch header.compression {
            case .deflate: try decoder.inflater().fill(output, from: stored)
            case .zstd:
                let count = try decoder.zstd().decompress(firstFrameOf: stored, into: output)
                guard count == output.count else {
                    throw DiskImageError.malformed(reason: "it unpacks to \(count) bytes")
                }
            }
        } catch {
            throw .malformed(reason: "cluster \(unit.number), compressed at \(unit.stored.lowerBound): \(error)")
        }
    }
}

/// Parts of a disk in its order; what goes on in the next part of the same kind is one part.
struct PartList {
    private(set) var parts: [DiskPart] = []

    mutating func append(_ source: DiskPart.Source, count: Int) {
        if let last = parts.last {
            let goesOn =
                switch (last.source, source) {
                case (.zeros, .zeros): true
                case (.stored(let before), .stored(let at)): before + UInt64(last.count) == at
                default: false
                }
            if goesOn {
                parts[parts.count - 1] = DiskPart(count: last.count + count, source: last.source)
                return
            }
        }
        parts.append(DiskPart(count: count, source: source))
    }
}
