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
}
