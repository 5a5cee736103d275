import BlockStore
import Catalog
import ContentAddress
import Curl
import ImageIndex
import Linux
import TestSupport
import Vendors

@testable import Boot

/// A vendor of one system, `tiny-1`, on a server of its own: builds of some pieces, by their days, with a list of digests that nobody signed.
struct TinyVendor {
    let server: RangedServer
    let mirror: RangedServer
    let library: VendorLibrary
    let systems: SystemsLibrary
    let places: Places

    /// - Parameter row: further keys of the row.
    init(row: String = "", in folder: TemporaryDirectory, places: Places) throws {
        let (server, mirror) = (try RangedServer(), try RangedServer())
        var table = VendorTable()
        let base = server.url("images/")
        let text = """
            name = "tiny"
            title = "Tiny Systems"
            [[system]]
            id = "tiny-1"
            title = "Tiny 1"
            kind = "server"
            listing = "directory"
            upstream = "\(base)"
            base = "\(base)"
            mirrors = ["\(mirror.url("images/"))"]
            entry = "{date}.img"
            sums = "SHA256SUMS"
            format = "raw"
            \(row)
            """
        table.add(Array(text.utf8), file: "tiny.toml", name: "tiny")
        if let fault = table.faults.first { throw fault }
        library = VendorLibrary(table: table, directory: places.vendors, transfers: TransferQueue())
        let catalogs = CatalogLibrary(directory: places.catalogs, transfers: TransferQueue())
        systems = SystemsLibrary(catalogs: catalogs, vendors: library, places: places)
        (self.server, self.mirror, self.places) = (server, mirror, places)
    }

    /// Each build's bytes are another file's.
    static func bytes(_ day: String) -> [UInt8] {
        var random = SeededRandom(seed: UInt64(day) ?? 0)
        return random.bytes(VendorFile.piece + 77_777)
    }

    /// Offers builds, and no others.
    func list(_ days: [String]) throws {
        for place in [server, mirror] {
            for day in ["20261109", "20261116"] {
                place.put("images/\(day).img", days.contains(day) ? .init(TinyVendor.bytes(day)) : nil)
            }
        }
        let links = days.map { "<a href=\"\($0).img\">\($0).img</a>\n" }.joined()
        server.put("images/", .init(Array("<html><body>\n\(links)</body></html>".utf8), entityTag: nil))
        let sums = days.map { "\(FileDigest.sha256(of: TinyVendor.bytes($0)).hex)  \($0).img\n" }.joined()
        server.put("images/SHA256SUMS", .init(Array(sums.utf8), entityTag: nil))
    }

    /// - Parameter day: the version; nil for whatever a bare name means.
    func choose(_ day: String? = nil) async throws -> ChosenVersion {
        let name = try VersionName(argument: "vendors/tiny-1\(day.map { "@\($0)" } ?? "")")
        return try await systems.choose(name, asking: .ifUnknown).version
    }
}
