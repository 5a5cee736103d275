/// How a disk lies in a file.
package enum DiskFormat: String, Sendable, Hashable, Codable, CaseIterable {
    /// The disk's bytes, one after the other.
    case raw
    /// A CD-ROM's, or a disk's that a CD-ROM can be: as ``raw``.
    case iso
    /// QEMU's, version 2 or 3.
    case qcow2
    /// xz of a raw disk, in blocks that can be decompressed apart.
    case rawXZ = "raw.xz"

    /// Whether the file's bytes are the disk's own.
    package var isPlain: Bool { self == .raw || self == .iso }
}
