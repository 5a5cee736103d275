import Glibc
import Linux

/// Vendors' servers on loopback, made by `Tests/Museum/build`: their layouts, listings, sums and signatures, with the tiny guest as
/// every image. A test has a site of its own, whose files it may replace and delete.
package final class Museum: Sendable {
    /// A folder for each host, as it is served.
    package let files: String
    /// A user's tables of vendors for this server.
    package let tables: String
    package let server: NginxServer
    private let site: TemporaryDirectory

    /// Builds what is missing, which takes a minute the first time, and serves it.
    /// - Parameter cloud: the raw image of a Debian with cloud-init, for Debian's genericcloud images.
    /// - Throws: ``MuseumError``, ``SystemCallError``, ``NginxServerError``.
    package init(cloud: String? = nil) async throws {
        let cache = try Museum.cache(isCloud: cloud != nil)
        try Folder.make(cache)
        // Beside the cache: its files are hard links.
        let site = try TemporaryDirectory(in: cache + "-sites")
        self.site = site
        chmod(site.path, 0o755)
        (files, tables) = (site.path("files"), site.path("vendors"))
        let server = try NginxServer(
            tree: files, directives: "include \"\(Museum.project)/Tests/Museum/museum.conf\";")
        self.server = server
        let options = cloud.map { ["--cloud", $0] } ?? []
        let made = try await BuiltProgram.runAny(
            "\(Museum.project)/Tests/Museum/build", [cache, "--at", server.url, site.path] + options)
        guard made.status == 0 else { throw MuseumError.notMade(made.stderr) }
    }

    /// Requests for a file whose path contains the text.
    package func requests(containing text: String) -> [String] { server.requests().filter { $0.contains(text) } }

    private static let project: String = {
        var path = Substring(#filePath)
        for _ in 0..<3 { path = path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex) }
        return String(path)
    }()

    /// The folder of vendors' tables in the sources.
    package static var realTables: String { "\(project)/share/vendors" }

    private static func cache(isCloud: Bool) throws(MuseumError) -> String {
        let home = Environment.value("XDG_CACHE_HOME") ?? Environment.value("HOME").map { "\($0)/.cache" }
        guard let home else { throw .noHome }
        return "\(home)/oscircular-test/museum\(isCloud ? "-cloud" : "")"
    }
}

package enum MuseumError: Error {
    /// What the script said.
    case notMade(String)
    /// Nothing says where caches are.
    case noHome
}
