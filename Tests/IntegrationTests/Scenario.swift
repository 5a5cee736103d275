import Linux
import TestSupport

/// One user, one published tree, one web server.
final class Scenario: ProgramUser {
    let folder: TemporaryDirectory
    let tree: String
    let server: NginxServer
    let environment: [String: String]

    /// Publishes images as versions of `tiny`, serves them and follows the catalog as `test`.
    /// - Parameter options: more of `add`.
    init(
        images: [(version: String, path: String)], options: [String] = [], configuration: String = ""
    ) async throws {
        folder = try TemporaryDirectory()
        tree = folder.path("tree")
        environment = try Self.makePlaces(in: folder, configuration: configuration, vendors: .none)
        _ = try await Self.succeed("oscircular-publish", ["init", tree], environment)
        for image in images {
            _ = try await Self.succeed(
                "oscircular-publish",
                ["add", tree, "tiny", image.version, image.path, "--title", "Tiny", "--memory", "256"] + options,
                environment)
        }
        server = try NginxServer(tree: tree)
        _ = try await Self.succeed(
            "oscircular", ["catalog", "add", "test", server.url, "--root", "\(tree)/metadata/1.root.json"], environment)
    }

    /// A user who follows no catalog, and a vendor whose files are in ``tree``, below `images/`.
    /// - Parameter table: the vendor's file of the user's own table, by the address of the server.
    init(vendor name: String, configuration: String = "", table: (String) -> String) throws {
        folder = try TemporaryDirectory()
        tree = folder.path("tree")
        environment = try Self.makePlaces(in: folder, configuration: configuration, vendors: .own)
        try Folder.make("\(tree)/images")
        server = try NginxServer(
            tree: tree, directives: "location /images/ { autoindex on; open_file_cache off; max_ranges 1; }")
        try Folder.make(folder.path("config/oscircular/vendors"))
        try folder.write(Array(table(server.url).utf8), to: "config/oscircular/vendors/\(name).toml")
    }

    /// What makes a catalog at another address of this tree trusted.
    var trust: [String] { ["--root", "\(tree)/metadata/1.root.json"] }

    /// Follows this tree's catalog under a name, at an address that is not the server's own.
    func follow(_ name: String, at url: String) async throws {
        _ = try await Self.succeed("oscircular", ["catalog", "add", name, url] + trust, environment)
    }

    /// Runs `oscircular-publish` and expects success.
    @discardableResult
    func publisher(_ arguments: String...) async throws -> String {
        try await Self.succeed("oscircular-publish", arguments, environment)
    }

    /// Requests for blocks that the server has answered so far.
    var blockRequests: [String] { server.requests().filter { $0.contains(".cacnk") } }

    /// Ends what still runs; call it at the end of every test.
    func end() async {
        await endSessions()
        server.stop()
    }

    typealias Failure = ScenarioFailure
}
