import Boot
import FoundationEssentials
import Glibc
import Linux
import TestSupport

/// One user with private places, one published tree, one web server.
final class Scenario: Sendable {
    let folder: TemporaryDirectory
    let tree: String
    let server: NginxServer
    let environment: [String: String]

    /// Publishes images as versions of `tiny`, serves them and follows the catalog as `test`.
    init(images: [(version: String, path: String)], configuration: String = "") async throws {
        (folder, environment) = try Self.user(configuration)
        tree = folder.path("tree")
        _ = try await Self.succeed("oscircular-publish", ["init", tree], environment)
        for image in images {
            _ = try await Self.succeed(
                "oscircular-publish",
                ["add", tree, "tiny", image.version, image.path, "--title", "Tiny", "--memory", "256"], environment)
        }
        server = try NginxServer(tree: tree)
        _ = try await Self.succeed(
            "oscircular", ["catalog", "add", "test", server.url, "--root", "\(tree)/metadata/1.root.json"], environment)
    }

    /// A user who follows no catalog, and a vendor whose files are in ``tree``, below `images/`.
    /// - Parameter table: the vendor's file of the user's own table, by the address of the server.
    init(vendor name: String, configuration: String = "", table: (String) -> String) throws {
        (folder, environment) = try Self.user(configuration)
        tree = folder.path("tree")
        try Folder.make("\(tree)/images")
        server = try NginxServer(
            tree: tree, directives: "location /images/ { autoindex on; open_file_cache off; max_ranges 1; }")
        try folder.write(Array(table(server.url).utf8), to: "config/oscircular/vendors/\(name).toml")
    }

    private static func user(_ configuration: String) throws -> (TemporaryDirectory, [String: String]) {
        let folder = try TemporaryDirectory()
        // QEMU's own user must get through to the sockets, the mount and the overlay.
        chmod(folder.path, 0o755)
        for name in ["config/oscircular/vendors", "state", "cache", "run"] {
            try Folder.make(folder.path(name))
        }
        if !configuration.isEmpty {
            try folder.write(Array(configuration.utf8), to: "config/oscircular/config.toml")
        }
        chmod(folder.path("run"), 0o711)
        return (
            folder,
            [
                "PATH": getenv("PATH").map { String(cString: $0) } ?? "/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME": folder.path,
                "XDG_CONFIG_HOME": folder.path("config"), "XDG_STATE_HOME": folder.path("state"),
                "XDG_CACHE_HOME": folder.path("cache"), "XDG_RUNTIME_DIR": folder.path("run"),
            ]
        )
    }

    /// What makes a catalog at another address of this tree trusted.
    var trust: [String] { ["--root", "\(tree)/metadata/1.root.json"] }

    /// Follows this tree's catalog under a name, at an address that is not the server's own.
    func follow(_ name: String, at url: String) async throws {
        _ = try await Self.succeed("oscircular", ["catalog", "add", name, url] + trust, environment)
    }

    /// Runs `oscircular` and expects success.
    /// - Returns: standard output.
    @discardableResult
    func client(_ arguments: String...) async throws -> String {
        try await Self.succeed("oscircular", arguments, environment)
    }

    /// Runs `oscircular` and gives what came of it.
    func attempt(_ arguments: String...) async throws -> (status: Int32, output: String, error: String) {
        let result = try await BuiltProgram.run("oscircular", arguments, environment: environment)
        return (result.status, result.stdout, result.stderr)
    }

    /// Runs `oscircular-publish` and expects success.
    @discardableResult
    func publisher(_ arguments: String...) async throws -> String {
        try await Self.succeed("oscircular-publish", arguments, environment)
    }

    func sessions() async throws -> [SessionStatus] {
        let output = try await client("sessions", "--json")
        return try JSONDecoder().decode(SessionListing.self, from: Data(output.utf8)).sessions
    }

    /// Boots `name` in the background.
    func boot(_ name: String, _ options: String...) async throws -> SessionStatus {
        let arguments = ["boot", name, "--detach", "--json", "--accel", "tcg"] + options
        let output = try await Self.succeed("oscircular", arguments, environment)
        return try JSONDecoder().decode(SessionStatus.self, from: Data(output.utf8))
    }

    /// Waits until the session's console log holds the text.
    func console(of session: SessionStatus, shows text: String, within seconds: Int = 120) async throws -> String {
        for _ in 0..<(seconds * 5) {
            let log = (try? FileContents.readText(session.consoleLog, limit: 16 << 20)) ?? ""
            if log.contains(text) { return log }
            try await Task.sleep(for: .milliseconds(200))
        }
        let log = (try? FileContents.readText(session.consoleLog, limit: 16 << 20)) ?? "no log"
        throw Failure("the console never showed \(text): \(log.suffix(2000))")
    }

    /// Waits until every block of the session's image is here.
    func whole(_ session: SessionStatus, within seconds: Int = 120) async throws {
        for _ in 0..<(seconds * 2) {
            guard let now = try await sessions().first(where: { $0.id == session.id }) else { break }
            if now.blocksHere == now.blocks { return }
            try await Task.sleep(for: .milliseconds(500))
        }
        throw Failure("the rest of the image did not come")
    }

    /// Requests for blocks that the server has answered so far.
    var blockRequests: [String] { server.requests().filter { $0.contains(".cacnk") } }

    /// Ends what still runs; call it at the end of every test.
    func end() async {
        for session in (try? await sessions()) ?? [] { _ = try? await client("stop", session.id, "--force") }
        server.stop()
    }

    private static func succeed(
        _ program: String, _ arguments: [String], _ environment: [String: String]
    ) async throws -> String {
        let result = try await BuiltProgram.run(program, arguments, environment: environment)
        guard result.status == 0 else {
            throw Failure("\(program) \(arguments.joined(separator: " ")): \(result.status): \(result.stderr)")
        }
        return result.stdout
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String

        init(_ description: String) { self.description = description }
    }

    private struct SessionListing: Decodable {
        let sessions: [SessionStatus]
    }
}
