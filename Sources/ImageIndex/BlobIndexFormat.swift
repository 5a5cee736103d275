/// Constants of casync's blob index (`caformat.h`). All numbers are little-endian 64-bit.
enum BlobIndexFormat {
    static let headerSize = 48
    static let headerType: UInt64 = 0x9682_4d9c_7b12_9ff9
    static let tableHeaderSize = 16
    static let tableType: UInt64 = 0xe75b_9e11_2f17_417d
    static let itemSize = 40
    static let tailMarker: UInt64 = 0x4b4f_050e_5549_ecd1
    /// `CA_FORMAT_SHA512_256`: ids are SHA-512/256, else SHA-256.
    static let sha512_256Flag: UInt64 = 0x2000_0000_0000_0000
    /// `CA_FORMAT_EXCLUDE_NODUMP | CA_FORMAT_EXCLUDE_FILE` as casync sets them; they mean nothing for a blob.
    static let writtenFlags: UInt64 = 0x9000_0000_0000_0000
}

/// Bounds on blocks that this program reads and writes.
package enum BlockSize {
    /// LBCAS's block size, and ours unless the publisher says otherwise.
    package static let standard = 262_144
    /// What a publisher may choose; must also be a multiple of 512.
    package static let writable = 4096...16_777_216
    /// The longest block that is read, from anybody's index.
    package static let longestReadable = 67_108_864

    /// Whether an LBCAS store may have blocks of this many bytes.
    package static func isLegacyWritable(_ size: Int) -> Bool {
        (512...writable.upperBound).contains(size) && size.isMultiple(of: 512)
    }

    /// Whether a publisher may cut images into blocks of this many bytes.
    package static func isWritable(_ size: Int) -> Bool { writable.contains(size) && size.isMultiple(of: 512) }
}
