import Linux

/// What an image's file contains, judged by its bytes and never by its name.
enum ImageContents: Sendable, Equatable {
    /// A disk, an ISO or a file system as it is: so many bytes of the file.
    case raw(size: UInt64)
    case compressed(Compression)
    case archive(Archive)
    /// A disk in a format that qemu-img converts.
    case disk(name: String)
    /// What is not published as it is: one phrase says what it is, another what to do.
    case other(String, cure: String)

    /// - Throws: ``PublisherError``.
    init(of source: ImageSource) throws(PublisherError) {
        let head = try source.bytes(at: 0, count: 1024)
        if let disk = try ImageFormat.contents(of: source, head: head) {
            self = disk
        } else if let compression = try Compression(of: source, head: head) {
            self = .compressed(compression)
        } else if let archive = Archive(head: head) {
            self = .archive(archive)
        } else if let known = ImageContents.known.first(where: { head.has($0.magic, at: $0.offset) }) {
            self = .other(known.name, cure: known.cure)
        } else if try source.bytes(at: max(512, source.size) - 512, count: 4) == Array("koly".utf8) {
            self = .other(
                "an Apple disk image (dmg)", cure: "convert it with 'qemu-img convert -f dmg -O raw', or with dmg2img")
        } else {
            self = ImageContents.page(head) ?? .raw(size: source.size)
        }
    }

    private static let known: [(offset: Int, magic: [UInt8], name: String, cure: String)] = [
        (0, [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7-Zip archive", unpacking("7z x")),
        (0, Array("Rar!\u{1A}\u{07}".utf8), "a RAR archive", unpacking("unrar x")),
        (0, [0x50, 0x4B, 0x05, 0x06], "a zip archive with nothing in it", "check how it was made"),
        (0, Array("LUKS".utf8) + [0xBA, 0xBE], "encrypted (LUKS)", "decrypt it, and publish the disk that is in it"),
        (0, Array("MSCF\0\0\0\0".utf8), "a Windows cabinet", unpacking("cabextract")),
        (0, Array("MSWIM\0\0\0".utf8), "a Windows image (wim)", "install it to a disk, and publish the disk"),
        (0, Array("WLPWM\0\0\0".utf8), "a Windows image (wim)", "install it to a disk, and publish the disk"),
        (0, Array("LRZI".utf8), "packed by lrzip", unpacking("lrzip -d")),
        (0, [0x89] + Array("LZO\0\r\n\u{1A}\n".utf8), "packed by lzop", unpacking("lzop -d")),
        // xz could unpack it, and would not mind what follows it.
        (0, Array("LZIP".utf8), "packed by lzip", unpacking("lzip -d")),
        // These three have no check sum: one that is cut off unpacks without an error.
        (0, [0x1F, 0x9D], "packed by compress", unpacking("gzip -d")),
        (0, [0x1F, 0x1E], "packed by pack", unpacking("gzip -d")),
        (0, [0x1F, 0xA0], "packed by compress -H", unpacking("gzip -d")),
        (0, [0xED, 0xAB, 0xEE, 0xDB], "an RPM package", unpacking("rpm2cpio")),
        (0, Array("!<arch>\n".utf8), "a Debian package or another ar archive", unpacking("ar x")),
        (0, Array("07070".utf8), "a cpio archive", unpacking("cpio -i")),
        (0, Array("xar!".utf8), "a xar archive", unpacking("xar -x")),
        (7, Array("**ACE**".utf8), "an ACE archive", unpacking("unace")),
        (0, Array("zPQ".utf8), "packed by zpaq", unpacking("zpaq x")),
        (0, Array("7kSt".utf8), "packed by zpaq", unpacking("zpaq x")),
        (0, [0x3A, 0xFF, 0x26, 0xED], "an Android sparse image", "convert it with simg2img, and publish the result"),
        (0, Array("partclone-image".utf8), "a partclone image", "restore it to a disk, and publish the disk"),
        (0, Array("PaRtImAgE-VoLuMe".utf8), "a partimage image", "restore it to a disk, and publish the disk"),
        (0, Array("\0ntfsclone-image".utf8), "an ntfsclone image", "restore it to a disk, and publish the disk"),
        (0, Array("VMA\0".utf8), "a Proxmox backup (vma)", "restore it to a disk, and publish the disk"),
        (
            0, Array("EVF\u{09}\r\n".utf8) + [0xFF, 0x00], "an EnCase image (E01)",
            "export it as a raw disk with ewfexport"
        ),
        (0, Array("sprs".utf8), "an Apple sparse image", "convert it with 'hdiutil convert' on a Mac"),
        (
            0, Array("encrcdsa".utf8), "an encrypted Apple disk image (dmg)",
            "convert it with 'hdiutil convert' on a Mac"
        ),
        (0, Array("CISO".utf8), "a compressed ISO (ciso)", "make an ISO of it, and publish that"),
        (0, Array("ZISO".utf8), "a compressed ISO (ziso)", "make an ISO of it, and publish that"),
        (0, Array("IsZ!".utf8), "a compressed ISO (isz)", "make an ISO of it, and publish that"),
        (0, Array("DAA\0".utf8), "a compressed ISO (daa)", "make an ISO of it, and publish that"),
        (
            0, [0] + [UInt8](repeating: 0xFF, count: 10) + [0], "a CD image with raw sectors (bin, mdf)",
            "make an ISO of it with bchunk or iat, and publish that"
        ),
        (
            0, Array("#!/bin/sh\n#V2.0 Format".utf8), "a cloop image",
            "convert it with 'qemu-img convert -f cloop -O raw'"
        ),
        (0, Array("-----BEGIN PGP".utf8), "a PGP message", "decrypt it with gpg"),
        (0, Array("age-encryption.org/".utf8), "encrypted by age", "decrypt it with age -d"),
        (0, Array("d8:announce".utf8), "a torrent", "fetch what it names, and publish that"),
        (0, Array("zsync: ".utf8), "a zsync file", "fetch what it names, and publish that"),
        (0, Array("version https://git-lfs".utf8), "a pointer of Git LFS", "fetch what it names with 'git lfs pull'"),
        (0, [0xD6, 0xC3, 0xC4], "a difference made by xdelta", "apply it with xdelta3 -d, and publish the result"),
    ]

    private static func unpacking(_ command: String) -> String {
        "unpack it with \(command), and give the disk image that was in it"
    }

    /// What a server sends in place of an image, and what lies beside one.
    private static func page(_ head: [UInt8]) -> ImageContents? {
        let text = String(decoding: head, as: UTF8.self).drop { $0.isWhitespace || $0 == "\u{FEFF}" }
            .prefix(32).lowercased()
        if ["<!doctype html", "<html", "<head", "<body", "<script", "<title"].contains(where: text.hasPrefix) {
            return .other("a web page, not an image", cure: "check its place: a server may answer so for what is gone")
        }
        if ["<?xml", "<envelope", "<metalink"].contains(where: text.hasPrefix) {
            return .other("an XML file, not an image", cure: "give the disk image that it belongs to")
        }
        return nil
    }
}

extension [UInt8] {
    /// Whether these bytes have others at a place.
    func has(_ magic: [UInt8], at offset: Int = 0) -> Bool {
        count >= offset + magic.count && self[offset..<offset + magic.count].elementsEqual(magic)
    }

    /// A number that is written in big- or little-endian order; 0 beyond the end.
    func number(at offset: Int, bytes: Int, bigEndian: Bool = false) -> UInt64 {
        guard count >= offset + bytes else { return 0 }
        let digits = self[offset..<offset + bytes]
        return (bigEndian ? Array(digits) : digits.reversed()).reduce(0) { $0 << 8 | UInt64($1) }
    }
}

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
        // qemu-img reads missing data as zeros, and does not say where a VHDX has its blocks.
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
