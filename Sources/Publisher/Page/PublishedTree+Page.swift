import Catalog
import Linux

extension PublishedTree {
    /// Bytes of a page that may be there.
    private static let longestPage = 64 << 20

    /// Writes the tree's page for browsers. One that somebody else wrote stays.
    /// - Parameters:
    ///   - document: as it was published just now.
    ///   - fingerprint: SHA-256 of the first root.
    func writePage(_ document: CatalogDocument, _ fingerprint: String) {
        let file = "\(path)/\(TreePage.name)"
        do {
            if let there = try PublishedTree.page(at: file), !TreePage.isOurs(there) { return }
            let page = TreePage(document: document, fingerprint: fingerprint)
            StaleFiles.remove(beside: file)
            try AtomicFile.write(Array(page.html.utf8), to: file)
        } catch {
            // It is for people alone, what is signed is published, and the next publication writes it again.
        }
    }

    /// Nil where there is none.
    private static func page(at file: String) throws(SystemCallError) -> [UInt8]? {
        do { return try FileContents.read(file, limit: longestPage) } catch  where error.number == .noSuchFile {
            return nil
        }
    }
}

extension TreeMirror {
    /// Writes the copy's page, of what was verified: the source's own page is not, and would be this server's word.
    /// - Throws: what the destination throws.
    static func writePage(
        _ document: CatalogDocument, fingerprint: String, to destination: any MirrorDestination
    ) async throws {
        let bytes = Array(TreePage(document: document, fingerprint: fingerprint).html.utf8)
        let there = try await destination.read(TreePage.name, limit: 64 << 20)
        if let there, there == bytes || !TreePage.isOurs(there) { return }
        try await destination.write(bytes, to: TreePage.name)
    }
}
