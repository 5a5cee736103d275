import FoundationEssentials

/// `vendors.json`: the table of vendors that a catalog's publisher signs, as the text of each vendor's file.
///
/// A signed target of its own, which readers of released versions do not ask for. What the texts say is not known here, and one that means
/// nothing is a matter of that file alone: nothing of it is wrong with the catalog.
package struct VendorTables: Sendable, Hashable {
    /// The signed target's name.
    package static let targetName = "vendors.json"
    package static let format = "oscircular-vendors/1"
    /// Bytes of the longest document that is read, and files that it may have.
    package static let longest = 4 << 20
    package static let mostFiles = 256

    /// The texts, TOML, by their vendors' names.
    package var files: [String: String]

    /// - Throws: ``CatalogError/malformed(place:reason:)`` for what readers would refuse.
    package init(files: [String: String]) throws(CatalogError) {
        guard files.count <= VendorTables.mostFiles else {
            throw .malformed(
                place: "files", reason: "\(files.count) of them, where at most \(VendorTables.mostFiles) are taken")
        }
        for name in files.keys where !Distribution.isValid(id: name) {
            throw .malformed(place: "files", reason: "a name is not of the form [a-z0-9][a-z0-9._-]{0,63}")
        }
        self.files = files
    }

    /// - Throws: ``CatalogError``.
    package static func decode(_ bytes: [UInt8]) throws(CatalogError) -> VendorTables {
        guard bytes.count <= longest else { throw .tooLarge(size: bytes.count, limit: longest) }
        let document = try CatalogDocument.decode(Document.self, bytes)
        guard document.format == format else { throw .unknownFormat(document.format) }
        return try VendorTables(files: document.files ?? [:])
    }

    /// - Throws: ``CatalogError`` when ``decode(_:)`` would refuse it.
    package func encode() throws(CatalogError) -> [UInt8] {
        let bytes = try CatalogDocument.encode(Document(format: VendorTables.format, files: files))
        guard bytes.count <= VendorTables.longest else {
            throw .tooLarge(size: bytes.count, limit: VendorTables.longest)
        }
        return bytes
    }

    private struct Document: Codable {
        let format: String?
        let files: [String: String]?
    }
}
