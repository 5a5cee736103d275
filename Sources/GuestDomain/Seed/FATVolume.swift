/// A small volume of FAT12, as the whole of a disk: what the first program of any system can read ("FAT: General Overview of On-Disk
/// Format", version 1.03). Its names may be long; there are no folders.
struct FATVolume {
    /// At most eleven capital letters and digits.
    let label: String
    let files: [(name: String, contents: [UInt8])]

    /// Bytes of a sector, and of a cluster: each is one sector.
    private static let sector = 512
    private static let rootEntries = 512
    private static let entrySize = 32
    /// With more clusters than FAT12 has, a reader takes it for FAT16.
    static let mostClusters = 4084
    /// 1 January 1980: nothing tells one seed from another but what stands in it.
    private static let date: UInt16 = 0x21

    /// The disk's bytes: a megabyte, or two where it needs them.
    /// - Precondition: the files fit, see ``mostClusters``, and their names differ.
    func bytes() -> [UInt8] {
        let needed = files.reduce(0) { $0 + FATVolume.clusters($1.contents.count) }
        precondition(needed <= FATVolume.mostClusters)
        let clusters = needed <= 1999 ? 1999 : FATVolume.mostClusters
        // Twelve bits a cluster, and for two that there are not.
        let tableSectors = ((clusters + 2) * 3 / 2 + FATVolume.sector) / FATVolume.sector
        let rootSectors = FATVolume.rootEntries * FATVolume.entrySize / FATVolume.sector
        let sectors = 1 + 2 * tableSectors + rootSectors + clusters

        var table = [UInt16](repeating: 0, count: clusters + 2)
        (table[0], table[1]) = (0xFF8, 0xFFF)
        var root = entry(name: Array(label.utf8.prefix(11)), attributes: 0x08)
        var data: [UInt8] = []
        var next = 2
        for (number, file) in files.enumerated() {
            let count = FATVolume.clusters(file.contents.count)
            root += entries(of: file.name, number: number + 1, cluster: count == 0 ? 0 : next, file.contents.count)
            for cluster in next..<(next + count) {
                table[cluster] = cluster == next + count - 1 ? 0xFFF : UInt16(cluster + 1)
            }
            next += count
            data += file.contents
            data += [UInt8](repeating: 0, count: count * FATVolume.sector - file.contents.count)
        }
        precondition(root.count <= FATVolume.rootEntries * FATVolume.entrySize)

        var disk = bootSector(sectors: sectors, tableSectors: tableSectors)
        for _ in 0..<2 { disk += FATVolume.packed(table, bytes: tableSectors * FATVolume.sector) }
        disk += root + [UInt8](repeating: 0, count: rootSectors * FATVolume.sector - root.count)
        disk += data
        return disk + [UInt8](repeating: 0, count: sectors * FATVolume.sector - disk.count)
    }

    private static func clusters(_ bytes: Int) -> Int { (bytes + sector - 1) / sector }

    private func bootSector(sectors: Int, tableSectors: Int) -> [UInt8] {
        // A jump over the parameters, and who formatted it.
        var bytes: [UInt8] = [0xEB, 0x3C, 0x90] + Array("MSWIN4.1".utf8)
        bytes += little(UInt16(FATVolume.sector)) + [1] + little(UInt16(1)) + [2]
        bytes += little(UInt16(FATVolume.rootEntries)) + little(UInt16(sectors)) + [0xF8]
        // Sectors a track and heads mean nothing here; no sectors before it; its count is above.
        bytes += little(UInt16(tableSectors)) + little(UInt16(32)) + little(UInt16(64)) + little(UInt32(0))
        bytes += little(UInt32(0)) + [0x80, 0, 0x29] + little(UInt32(0x0C1D_A7A0))
        bytes += Array(padded(label, 11)) + Array("FAT12   ".utf8)
        // Whoever boots from it by mistake stops.
        bytes += [0xF4, 0xEB, 0xFD]
        return bytes + [UInt8](repeating: 0, count: FATVolume.sector - 2 - bytes.count) + [0x55, 0xAA]
    }

    /// A file's entry, after those that hold its long name from its end to its beginning.
    private func entries(of name: String, number: Int, cluster: Int, _ size: Int) -> [UInt8] {
        let short = Array(padded("SEED~\(number)", 11))
        let sum = short.reduce(UInt8(0)) { ($0 << 7 | $0 >> 1) &+ $1 }
        var units = Array(name.utf16)
        // A zero ends a name that does not fill its last entry, and these follow it.
        if units.count % 13 != 0 { units.append(0) }
        while units.count % 13 != 0 { units.append(0xFFFF) }
        var bytes: [UInt8] = []
        for place in (1...units.count / 13).reversed() {
            let part = units[(13 * (place - 1))..<(13 * place)].map(little)
            bytes.append(UInt8(place) | (13 * place == units.count ? 0x40 : 0))
            bytes += part[..<5].joined() + [0x0F, 0, sum] + part[5..<11].joined() + [0, 0] + part[11...].joined()
        }
        return bytes + entry(name: short, attributes: 0x01, cluster: cluster, size: size)
    }

    private func entry(name: [UInt8], attributes: UInt8, cluster: Int = 0, size: Int = 0) -> [UInt8] {
        let padding = [UInt8](repeating: UInt8(ascii: " "), count: 11 - name.count)
        let date = little(FATVolume.date)
        return name + padding + [attributes, 0, 0] + little(UInt16(0)) + date + date + little(UInt16(0))
            + little(UInt16(0)) + date + little(UInt16(cluster)) + little(UInt32(size))
    }

    /// Two entries of twelve bits in three bytes.
    private static func packed(_ table: [UInt16], bytes: Int) -> [UInt8] {
        var packed: [UInt8] = []
        for place in stride(from: 0, to: table.count, by: 2) {
            let (first, second) = (table[place], place + 1 < table.count ? table[place + 1] : 0)
            packed += [UInt8(first & 0xFF), UInt8(first >> 8 | (second & 0xF) << 4), UInt8(second >> 4)]
        }
        return packed + [UInt8](repeating: 0, count: bytes - packed.count)
    }

    private func padded(_ text: String, _ count: Int) -> [UInt8] {
        Array(text.utf8.prefix(count)) + [UInt8](repeating: UInt8(ascii: " "), count: max(0, count - text.utf8.count))
    }

    private func little<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }
}
