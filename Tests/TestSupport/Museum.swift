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
        // Beside the cache: its files are hard links.
        try Folder.make(cache + "-sites")
        let site = try TemporaryDirectory(in: cache + "-sites")
        self.site = site
        chmod(site.path, 0o755)
        (files, tables) = (site.path("files"), site.path("vendors"))
        let server = try NginxServer(
            tree: files, directives: "include \"\(Museum.project)/Tests/Museum/museum.conf\";")
        self.server = server
        let options = cloud.map { ["--cloud", $0] } ?? []
        let made = try await BuiltProgram.runAny(
            "\(Museum.project)/Tests/Museum/build", [cache, "--at", server.url, site.path] + options,
            within: .seconds(900))
        guard made.status == 0 else { throw MuseumError.notMade(made.stderr) }
    }

    /// Something that a vendor's server does wrong with each image.
    package enum Fault: String, Sendable {
        /// Answers 200 with the whole file, whatever was asked for.
        case noRanges = "no-ranges"
        /// Answers 206 with the first bytes, whatever was asked for.
        case wrongRange = "wrong-range"
        /// Answers 429, and wants to be asked again after a second.
        case busy
        /// Redirects to where nobody listens.
        case deadMirror = "dead-mirror"
        /// Has deleted it.
        case gone
    }

    /// Switches a fault on; nil switches all off.
    package func set(_ fault: Fault?) throws {
        let folder = site.path("faults")
        try Folder.make(folder)
        for name in TemporaryDirectory.names(folder) { TemporaryDirectory.remove("\(folder)/\(name)") }
        if let fault { try AtomicFile.write("", to: "\(folder)/\(fault.rawValue)") }
    }

    /// Requests for a file whose path contains the text.
    package func requests(containing text: String) -> [String] { server.requests().filter { $0.contains(text) } }

    /// Changes the last byte of a served image, which no guest reads. Its sums and signatures stay as they are.
    package func damage(_ path: String) throws {
        var bytes = try FileContents.read("\(files)/\(path)", limit: .max)
        bytes[bytes.count - 1] ^= 1
        // A new file: the other sites have the old one.
        try AtomicFile.write(bytes, to: "\(files)/\(path)")
    }

    /// Builds a Debian with cloud-init unless it is there already, which takes minutes and root, and gives its raw disk.
    package static func cloudDebian() async throws -> String {
        let disk = try cache(isCloud: true) + "-debian/disk.raw"
        let made = try await BuiltProgram.runAny(
            "\(project)/Tests/Museum/build-cloud-debian", [disk], within: .seconds(900))
        guard made.status == 0 else { throw MuseumError.notMade(made.stderr) }
        return disk
    }

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
