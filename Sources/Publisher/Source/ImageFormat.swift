/// Formats of disk images that are not raw, known by their bytes.
enum ImageFormat {
    private static let beginnings: [(magic: [UInt8], offset: Int, name: String)] =
        [([0x51, 0x46, 0x49, 0xFB], 0, "qcow2"), ([0x7F, 0x10, 0xDA, 0xBE], 64, "VDI")]
        + [
            ("KDMV", "VMDK"), ("COWD", "VMDK"), ("# Disk DescriptorFile", "VMDK"), ("<<< ", "VDI"),
            ("vhdxfile", "VHDX"),
            ("QED\0", "QED"), ("WithoutFreeSpace", "Parallels"), ("WithouFreSpacExt", "Parallels"),
            ("Bochs Virtual HD Image", "Bochs"),
        ].map { (Array($0.0.utf8), 0, $0.1) }

    private static let cutOff = (cure: "fetch or copy it again", block: 1_048_576 as UInt64)

    /// nil for what is in none of these formats.
    /// - Throws: ``PublisherError``.
    static func contents(of source: ImageSource, head: [UInt8]) throws(PublisherError) -> ImageContents? {
        if let disk = try virtualHardDisk(source, head: head) { return disk }
        guard let known = beginnings.first(where: { head.has($0.magic, at: $0.offset) }) else { return nil }
        // An extent of a disk in several files names no others: the descriptor, which lies in a file of its own, does.
        if head.has(Array("KDMV".utf8)), head.number(at: 28, bytes: 8) == 0 {
            return .other("one part of a VMDK disk in several files", cure: "give the .vmdk that names the parts")
        }
        // qemu-img takes what is not there for zeros, and does not say where a VHDX has its blocks.
        if known.name == "VHDX", source.size % cutOff.block != 0 {
            return .other("a VHDX image that is cut off", cure: cutOff.cure)
        }
        return .disk(name: known.name)
    }

    /// Microsoft's VHD, which has its 512 bytes of description at the end, and a copy at the beginning unless its disk is written
    /// out in full: that is a raw disk with something behind it.
    private static func virtualHardDisk(
        _ source: ImageSource, head: [UInt8]
    ) throws(PublisherError) -> ImageContents? {
        let mark = Array("conectix".utf8)
        let hasCopy = head.has(mark)
        let end = max(512, source.size) - 512
        let footer = hasCopy ? Array(head.prefix(512)) : try source.bytes(at: end, count: 512)
        guard footer.has(mark), footer.count == 512, hasCopy || isWhole(footer) else { return nil }
        switch (footer.number(at: 60, bytes: 4, bigEndian: true), hasCopy) {
        case (2, false):
            let size = footer.number(at: 48, bytes: 8, bigEndian: true)
            guard size > 0, size <= end else { return .other("a VHD image that is cut off", cure: cutOff.cure) }
            return .raw(size: size)
        case (3, true): return .disk(name: "VHD")
        case (4, _):
            return .other(
                "a VHD image that only holds the differences to another", cure: "merge the two, and give that")
        default: return .other("a damaged VHD image", cure: cutOff.cure)
        }
    }

    /// By its check sum: a raw disk could end in a file with the mark.
    private static func isWhole(_ footer: [UInt8]) -> Bool {
        let sum = footer.enumerated().reduce(UInt32(0)) {
            (64..<68).contains($1.offset) ? $0 : $0 &+ UInt32($1.element)
        }
        return footer.number(at: 64, bytes: 4, bigEndian: true) == UInt64(~sum)
    }
}
