import Testing
import Vendors

/// The table that is installed, `share/vendors`.
@Suite struct InstalledTableTests {
    private static let folder: String = {
        var path = Substring(#filePath)
        for _ in 0..<3 { path = path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex) }
        return path + "/share/vendors"
    }()

    @Test func everyFileOfItIsRead() {
        let table = VendorTable.load(folders: [Self.folder])
        #expect(table.faults.isEmpty, "\(table.faults.map { "\($0)" }.joined(separator: "\n"))")
        #expect(table.rows.count >= 60)
    }

    @Test func eachBuildHasANameOfItsVendors() throws {
        let table = VendorTable.load(folders: [Self.folder])
        for row in table.rows {
            // Without an entry the kind has a pattern with a day, or a size.
            let isNamed = row.listing.entry.map { $0.contains("{date}") } ?? true
            #expect(isNamed || row.listing.build != nil, "\(row.id) calls its builds by a part of their names")
        }
        let fedora = try #require(table.row("fedora-44"))
        #expect(fedora.listing.build == "44-{1}.{2}")
    }
}
