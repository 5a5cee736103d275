import Formats

/// What the first bytes of a file say about the disk in it. Nothing is read or waited for.
package struct DiskInspection: Sendable, Equatable {
    /// How much of a file should be at hand: all that is looked at lies in it.
    package static let prefixLength = 327_680

    /// What the bytes are; nil when they are too few to say, or of a format that is not read here.
    package let format: DiskFormat?
    /// Bytes of the disk: of a plain one the file's own size, where it is known. Nil where the first bytes do not say it, as for xz.
    package let diskSize: UInt64?
    /// Why it must not be used as what it claims to be.
    package let refusal: DiskImageError?

    /// - Parameters:
    ///   - prefix: the file's first bytes, up to ``prefixLength`` or the file's end.
    ///   - claimed: what its vendor says it is.
    ///   - packing: what the vendor has packed that in, by the usual end of a file's name (`gz`); nil for nothing. Then only the packing
    ///     is looked at.
    ///   - fileSize: bytes of the whole file; nil when nobody has said so.
    package init(prefix: [UInt8], claimed: DiskFormat, packing: String? = nil, fileSize: UInt64? = nil) {
        let kind = FileKind(prefix)
        if let packing {
            (format, diskSize) = (nil, nil)
            refusal =
                kind.packing == packing
                ? nil : .malformed(reason: "it should be packed as \(packing) and is \(kind.rawValue)")
            return
        }
        switch (kind, claimed) {
        case (.qcow2, .qcow2):
            format = .qcow2
            switch Qcow2Header.read(prefix) {
            case .success(let header): (diskSize, refusal) = (header.diskSize, nil)
            case .failure(let error): (diskSize, refusal) = (nil, error)
            }
        case (.xz, .rawXZ): (format, diskSize, refusal) = (.rawXZ, nil, nil)
        case (.iso, .iso), (.iso, .raw): (format, diskSize, refusal) = (.iso, fileSize, nil)
        case (.plain, .raw): (format, diskSize, refusal) = (.raw, fileSize, nil)
        // Too short to hold what would make it one.
        case (.plain, .iso) where prefix.count < FileKind.isoMarks.upperBound:
            (format, diskSize, refusal) = (nil, fileSize, nil)
        default:
            format = kind.format
            diskSize = nil
            refusal = .malformed(reason: "it should be \(claimed.words) and is \(kind.rawValue)")
        }
    }
}

extension DiskFormat {
    /// With its article.
    fileprivate var words: String {
        switch self {
        case .raw: "a raw disk"
        case .iso: "an ISO image"
        case .qcow2: "a qcow2 image"
        case .rawXZ: "an xz file"
        }
    }
}

/// What a file is, by its first bytes. The value is for people, with its article.
private enum FileKind: String {
    case qcow2 = "a qcow2 image"
    case xz = "an xz file"
    case iso = "an ISO image"
    case vmdk = "a VMDK image"
    case vhd = "a VHD image"
    case vhdx = "a VHDX image"
    case vdi = "a VDI image"
    case qed = "a QED image"
    case parallels = "a Parallels image"
    case luks = "an encrypted disk"
    case gzip = "a gzip file"
    case bzip2 = "a bzip2 file"
    case zstd = "a zstd file"
    case lz4 = "an lz4 file"
    case zip = "a zip file"
    case sevenZip = "a 7z file"
    case page = "a web page"
    case empty = "an empty file"
    /// Nothing of the above.
    case plain = "a raw disk, or something unknown"

    /// Where ISO 9660 and UDF have their marks: each sector of 2048 bytes from the 16th on is a descriptor.
    static let isoMarks = 32_768..<36_870

    /// What stands where. A raw disk begins with code or zeros, and none of these is either.
    private static let marks: [(kind: FileKind, offset: Int, bytes: [UInt8])] = [
        (.qcow2, 0, Qcow2Header.magic),
        (.xz, 0, [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]),
        (.vmdk, 0, Array("KDMV".utf8)), (.vmdk, 0, Array("COWD".utf8)), (.vmdk, 0, Array("# Disk Descriptor".utf8)),
        (.vhd, 0, Array("conectix".utf8)), (.vhdx, 0, Array("vhdxfile".utf8)),
        (.vdi, 64, [0x7F, 0x10, 0xDA, 0xBE]),
        (.qed, 0, Array("QED\0".utf8)),
        (.parallels, 0, Array("WithoutFreeSpace".utf8)), (.parallels, 0, Array("WithouFreSpacExt".utf8)),
        (.luks, 0, [0x4C, 0x55, 0x4B, 0x53, 0xBA, 0xBE]),
        (.gzip, 0, [0x1F, 0x8B, 0x08]), (.bzip2, 0, Array("BZh".utf8)), (.zstd, 0, [0x28, 0xB5, 0x2F, 0xFD]),
        (.lz4, 0, [0x04, 0x22, 0x4D, 0x18]), (.zip, 0, [0x50, 0x4B, 0x03, 0x04]),
        (.sevenZip, 0, [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]),
        (.iso, 32_769, Array("CD001".utf8)), (.iso, 32_769, Array("BEA01".utf8)),
    ]

    init(_ prefix: [UInt8]) {
        guard !prefix.isEmpty else {
            self = .empty
            return
        }
        let found = FileKind.marks.first { mark in
            prefix.count >= mark.offset + mark.bytes.count
                && prefix[mark.offset..<mark.offset + mark.bytes.count].elementsEqual(mark.bytes)
        }
        self = found?.kind ?? (FileKind.isPage(prefix) ? .page : .plain)
    }

    var format: DiskFormat? {
        switch self {
        case .qcow2: .qcow2
        case .xz: .rawXZ
        case .iso: .iso
        case .plain: .raw
        default: nil
        }
    }

    /// As the file's name usually ends.
    var packing: String? {
        switch self {
        case .xz: "xz"
        case .gzip: "gz"
        case .bzip2: "bz2"
        case .zstd: "zst"
        case .zip: "zip"
        case .sevenZip: "7z"
        default: nil
        }
    }

    /// Servers answer so what they do not have.
    private static func isPage(_ prefix: [UInt8]) -> Bool {
        let text = String(decoding: prefix.prefix(256), as: UTF8.self).lowercased()
        let start = text.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
        return start.hasPrefix("<!doctype") || start.hasPrefix("<html") || start.hasPrefix("<?xml")
    }
}
