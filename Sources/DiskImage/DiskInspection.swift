import Formats

/// What the first bytes of a file say about the disk in it. Nothing is read or waited for.
package struct DiskInspection: Sendable, Equatable {
    /// How much of a file should be at hand: all that is looked at lies in it.
    package static let prefixLength = 327_680

    /// What the bytes are; nil when they are too few to say, or nothing that is known.
    package let format: DiskFormat?
    /// Bytes of the disk, where the first bytes say so: for an image in plain, the file's own size; never for xz.
    package let diskSize: UInt64?
    /// Why it must not be used as what it claims to be.
    package let refusal: DiskImageError?

    /// - Parameters:
    ///   - prefix: the file's first bytes, up to ``prefixLength`` or the file's end.
    ///   - claimed: what its vendor says it is.
    ///   - fileSize: bytes of the whole file; nil when nobody has said so.
    package init(prefix: [UInt8], claimed: DiskFormat, fileSize: UInt64? = nil) {
        format = claimed
        diskSize = fileSize
        refusal = nil
    }
}
