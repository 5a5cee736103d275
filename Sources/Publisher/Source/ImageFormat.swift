import Glibc
import Linux

/// Formats of disk images that are not raw, known by their first bytes.
enum ImageFormat {
    private static let beginnings: [[UInt8]] =
        [[0x51, 0x46, 0x49, 0xFB]]  // qcow2: QFI\xfb
        + [
            "KDMV", "COWD", "# Disk DescriptorFile", "<<< ", "vhdxfile", "conectix", "QED\0", "WithoutFreeSpace",
            "WithouFreSpacExt", "Bochs Virtual HD Image",
        ].map { Array($0.utf8) }

    /// qemu-img's name of the image's format, or nil for raw.
    ///
    /// qemu-img is asked only where the first bytes give reason to: raw disks and ISOs need no QEMU.
    /// - Throws: ``PublisherError``.
    /// - Parameter isForeign: refuses an image that would have other files of this machine published.
    static func detect(_ path: String, isForeign: Bool) throws(PublisherError) -> String? {
        let head = try head(of: path)
        guard beginnings.contains(where: { head.starts(with: $0) }) else { return nil }
        let format = try ImageConversion.format(of: path, isForeign: isForeign)
        return format == "raw" ? nil : format
    }

    /// The first 64 bytes, or fewer; none of what cannot be an image.
    /// - Throws: ``PublisherError/unreadable(_:)``.
    static func head(of path: String) throws(PublisherError) -> [UInt8] {
        var head = [UInt8](repeating: 0, count: 64)
        do {
            let file = try FileHandle(path: path, flags: O_RDONLY)
            let count = try head.withUnsafeMutableBytes { buffer in try file.read(into: buffer, at: 0) }
            head.removeLast(head.count - count)
        } catch let error as SystemCallError {
            throw .unreadable(error)
        } catch {
            return []
        }
        return head
    }
}
