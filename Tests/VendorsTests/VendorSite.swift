import Catalog
import Curl
import Linux
import TestSupport

@testable import Vendors

/// A vendor's server (nginx, with pages of folders as it makes them) and a library that asks it.
final class VendorSite {
    let folder: TemporaryDirectory
    let server: NginxServer
    private let state: TemporaryDirectory
    private var head = "name = \"acme\"\ntitle = \"Acme\"\n"
    private var systems = ""

    init(head: String = "", directives: String = "") throws {
        folder = try TemporaryDirectory(mode: 0o755)
        state = try TemporaryDirectory()
        server = try NginxServer(
            tree: folder.path,
            directives: "location /pub/ { autoindex on; open_file_cache off; \(directives) }")
        self.head += head
    }

    /// Another table for the same server and state.
    init(sharing other: VendorSite) { (folder, server, state) = (other.folder, other.server, other.state) }

    func pin(key: String, at url: String) {
        head += "[[key]]\nname = \"k\"\nfingerprint = \"\(key)\"\nurl = \"\(url)\"\n"
    }

    var pub: String { "\(server.url)pub/" }

    func put(_ path: String, _ bytes: [UInt8]) throws {
        let parts = path.split(separator: "/")
        try Folder.make(folder.path("pub/" + parts.dropLast().joined(separator: "/")))
        try AtomicFile.write(bytes, to: folder.path("pub/\(path)"))
    }

    func put(_ path: String, _ text: String) throws { try put(path, Array(text.utf8)) }

    func remove(_ path: String) throws { try Folder.removeTree(folder.path("pub/\(path)")) }

    /// Adds a system `os`, or one of another name.
    func offer(_ keys: String, id: String = "os") {
        systems += "[[system]]\nid = \"\(id)\"\ntitle = \"Acme OS\"\nkind = \"cloud\"\nformat = \"raw\"\n\(keys)\n"
    }

    var table: VendorTable {
        var table = VendorTable()
        table.add(Array((head + systems).utf8), file: "acme.toml", name: "acme")
        return table
    }

    /// Each has a memory of its own of servers that failed.
    func library(hidden: Set<String> = []) -> VendorLibrary {
        VendorLibrary(
            table: table, directory: state.path("vendors"), transfers: TransferQueue(options: .init(stallSeconds: 3)),
            hidden: hidden)
    }

    func stateFile(_ name: String) -> String { state.path("vendors/\(name)") }

    /// The builds' names, newest first, after a question.
    func builds(_ library: VendorLibrary? = nil, id: String = "os") async throws -> [String] {
        try await (library ?? self.library()).refresh(id, evenIfFresh: true).versions.compactMap(\.source?.build)
    }

    func choose(_ library: VendorLibrary, _ version: String? = nil, id: String = "os") async throws -> ChosenVersion {
        _ = try await library.refresh(id)
        let name = VersionName("vendors/\(id)" + (version.map { "@\($0)" } ?? ""))
        guard let name else { throw CatalogAccessError.noSuchDistribution(id, near: []) }
        return try name.choose(from: [library.copy()])
    }
}

/// The structural reason of an error, or its text.
func reason(of error: any Error) -> String { "\(error)" }
