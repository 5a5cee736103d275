import Curl
import DiskImage

extension VendorLibrary {
    /// Whether a file is what its row says, by its first bytes: servers answer with pages, and a vendor may change what it packs.
    /// - Parameters:
    ///   - head: at least `DiskInspection.prefixLength` bytes, or the whole file.
    ///   - size: bytes of the file.
    /// - Throws: ``VendorsError/structural(system:url:reason:)``.
    func inspect(_ head: [UInt8], of row: VendorRow, size: UInt64, url: String) throws(VendorsError) {
        let inspection = DiskInspection(
            prefix: head, claimed: row.format, packing: row.packing?.rawValue, fileSize: size)
        guard let refusal = inspection.refusal else { return }
        throw .structural(system: row.id, url: URLText.public(url), reason: "\(refusal)")
    }
}
