/// How large a guest's disk may be.
package enum DiskSize {
    /// Bytes of the disk of a kept system that comes on a CD-ROM, where nobody says anything. It takes only what is written to it.
    package static let usualForInstallers: UInt64 = 20 << 30

    /// The next whole sector.
    /// - Throws: ``MachineError/tooLarge(bytes:most:)``, ``MachineError/tooSmall(bytes:least:isImage:)`` for nothing.
    static func rounded(_ size: UInt64, sectorSize: Int) throws(MachineError) -> UInt64 {
        let most = MachineRecord.Disk.largest
        guard size <= most else { throw .tooLarge(bytes: size, most: most) }
        guard size > 0 else { throw .tooSmall(bytes: size, least: UInt64(sectorSize), isImage: false) }
        let sector = UInt64(sectorSize)
        return (size + sector - 1) / sector * sector
    }

    /// Bytes of a guest's disk.
    /// - Parameters:
    ///   - wanted: what the user asks for; nil for the image's.
    ///   - image: bytes of the image.
    /// - Throws: ``MachineError/tooSmall(bytes:least:isImage:)``, ``MachineError/tooLarge(bytes:most:)``.
    static func ofGuest(wanted: UInt64?, image: UInt64, sectorSize: Int) throws(MachineError) -> UInt64 {
        guard let wanted else {
            let sector = UInt64(sectorSize)
            return (image + sector - 1) / sector * sector
        }
        guard wanted >= image else { throw .tooSmall(bytes: wanted, least: image, isImage: true) }
        return try rounded(wanted, sectorSize: sectorSize)
    }
}
