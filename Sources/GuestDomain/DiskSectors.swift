import Linux

/// Which size of sectors a disk image was made for.
package enum DiskSectors {
    /// Bytes of the image that are looked at.
    private static let looked = 4104

    /// The logical block size that a guest must see: 4096 where the partition table was made for such sectors, else 512.
    ///
    /// A GPT begins in the second sector. Before it is a protective MBR, which has one form for both sizes.
    /// - Throws: ``SystemCallError``.
    package static func size(ofImage path: String) throws -> Int {
        let file = try FileHandle(path, for: .reading)
        var bytes = [UInt8](repeating: 0, count: looked)
        let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
        return count == looked && isFor4096(bytes) ? 4096 : 512
    }

    private static func isFor4096(_ bytes: [UInt8]) -> Bool {
        let header = Array("EFI PART".utf8)
        let isProtected =
            bytes[510] == 0x55 && bytes[511] == 0xAA && (0..<4).contains { bytes[446 + 16 * $0 + 4] == 0xEE }
        return isProtected && Array(bytes[4096..<4104]) == header && Array(bytes[512..<520]) != header
    }
}
