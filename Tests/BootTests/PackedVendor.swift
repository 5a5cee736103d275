import BlockStore
import Catalog
import ContentAddress
import Curl
import ImageIndex
import Linux
import TestSupport
import Vendors

@testable import Boot

/// A vendor whose only build is packed, on a server of its own, with a list of digests that nobody signed.
struct PackedVendor {
    let server: RangedServer
    let library: VendorLibrary
    let systems: SystemsLibrary
    /// What the file unpacks to.
    let raw: [UInt8]
    let file: [UInt8]

    static let path = "images/20261116.img"

    /// - Parameters:
    ///   - command: writes the packed file to its standard output; what is packed is called `raw`.
    ///   - format: of what is in it, and how it is packed: lines of the table.
    init(_ command: String, _ format: String, in folder: TemporaryDirectory, places: Places) async throws {
        server = try RangedServer()
        var random = SeededRandom(seed: 8)
        // Some pieces of the packed file, a hole of some blocks, and an end that fills no block.
        raw = random.bytes(4_000_256) + [UInt8](repeating: 0, count: 2_097_152) + random.bytes(100_352)
        try folder.write(raw, to: "raw")
        let finished = try await WorkerThread.run(name: "pack") {
            try ChildProcess.run("/bin/sh", ["-c", "cd '\(folder.path)' && { \(command); } > packed"])
        }
        guard finished.ending == .exited(0) else { throw PackingFailed(text: finished.text) }
        file = try folder.bytes("packed")
        let base = server.url("images/")
        let text = """
            name = "tiny"
            title = "Tiny Systems"
            [[system]]
            id = "packed"
            title = "Packed"
            kind = "server"
            upstream = "\(base)"
            entry = "{date}.img"
            sums = "SHA256SUMS"
            \(format)
            """
        var table = VendorTable()
        table.add(Array(text.utf8), file: "tiny.toml", name: "tiny")
        if let fault = table.faults.first { throw fault }
        library = VendorLibrary(table: table, directory: places.vendors, transfers: TransferQueue())
        systems = SystemsLibrary(
            catalogs: CatalogLibrary(directory: places.catalogs, transfers: TransferQueue()), vendors: library,
            places: places)
        server.put(
            "images/", .init(Array("<html><body><a href=\"20261116.img\">b</a></body></html>".utf8), entityTag: nil))
        put(file)
    }

    struct PackingFailed: Error { let text: String }

    /// - Parameter sum: the file whose digest is listed; nil for that of what is served.
    func put(_ bytes: [UInt8], tag: String = "\"a\"", sum: [UInt8]? = nil) {
        server.put(PackedVendor.path, .init(bytes, entityTag: tag))
        let line = "\(FileDigest.sha256(of: sum ?? bytes).hex)  20261116.img\n"
        server.put("images/SHA256SUMS", .init(Array(line.utf8), entityTag: nil))
    }

    func choose() async throws -> ChosenVersion {
        try await systems.choose(VersionName(argument: "vendors/packed"), asking: .ifUnknown).version
    }

    /// Requests for the file that were answered with a part of it.
    var asked: Int { server.requests.count { $0.path == "/" + PackedVendor.path } }
}
