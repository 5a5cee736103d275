import Boot
import FoundationEssentials
import Glibc
import Linux
import TestSupport

/// Which vendors' systems a user sees.
enum VendorsOffered {
    /// None: the test is about catalogs alone.
    case none
    /// Those of the user's own table, and none of the sources' table, which the program as it was built finds by itself.
    case own
    /// Whatever the program finds.
    case all
}

/// A user of the programs, with private places.
protocol ProgramUser: Sendable {
    var folder: TemporaryDirectory { get }
    /// Where these places are, for the programs.
    var environment: [String: String] { get }
}

extension ProgramUser {
    /// Makes the places in a folder, and writes the settings.
    /// - Returns: the environment.
    static func makePlaces(
        in folder: TemporaryDirectory, configuration: String, vendors: VendorsOffered = .all
    ) throws -> [String: String] {
        // QEMU's own user must get through to the sockets, the mount and the overlay.
        chmod(folder.path, 0o755)
        for name in ["config/oscircular", "state", "cache", "run"] {
            try Folder.make(folder.path(name))
        }
        let configuration = try Self.settings(configuration, vendors)
        if !configuration.isEmpty {
            try folder.write(Array(configuration.utf8), to: "config/oscircular/config.toml")
        }
        chmod(folder.path("run"), 0o711)
        return [
            "PATH": getenv("PATH").map { String(cString: $0) } ?? "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": folder.path,
            "XDG_CONFIG_HOME": folder.path("config"), "XDG_STATE_HOME": folder.path("state"),
            "XDG_CACHE_HOME": folder.path("cache"), "XDG_RUNTIME_DIR": folder.path("run"),
        ]
    }

    /// The settings with what says which vendors are offered.
    static func settings(_ text: String, _ vendors: VendorsOffered) throws -> String {
        let line: String
        switch vendors {
        case .all: return text
        case .none: line = "enabled = false\n"
        case .own:
            let names = try Folder.names(in: Museum.realTables).filter { $0.hasSuffix(".toml") }
            line = "hidden = [\(names.map { "\"\($0.dropLast(5))\"" }.joined(separator: ", "))]\n"
        }
        let section = "[vendors]\n"
        let parts = text.split(separator: section, maxSplits: 1, omittingEmptySubsequences: false)
        return parts.count == 2 ? parts.joined(separator: section + line) : text + section + line
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
        for _ in 0..<(seconds * 20) {
            let log = (try? FileContents.readText(session.consoleLog, limit: 16 << 20)) ?? ""
            if log.contains(text) { return log }
            try await Task.sleep(for: .milliseconds(50))
        }
        let log = (try? FileContents.readText(session.consoleLog, limit: 16 << 20)) ?? "no log"
        throw ScenarioFailure("the console never showed \(text): \(log.suffix(2000))")
    }

    /// Waits until every block of the session's image is here.
    func whole(_ session: SessionStatus, within seconds: Int = 120) async throws {
        for _ in 0..<(seconds * 2) {
            guard let now = try await sessions().first(where: { $0.id == session.id }) else { break }
            if now.blocksHere == now.blocks { return }
            try await Task.sleep(for: .milliseconds(500))
        }
        throw ScenarioFailure("the rest of the image did not come")
    }

    /// Ends guests that still run.
    func endSessions() async {
        // What cannot be asked for, or has ended by itself, needs no end.
        for session in (try? await sessions()) ?? [] { _ = try? await client("stop", session.id, "--force") }
    }

    static func succeed(
        _ program: String, _ arguments: [String], _ environment: [String: String]
    ) async throws -> String {
        let result = try await BuiltProgram.run(program, arguments, environment: environment)
        guard result.status == 0 else {
            throw ScenarioFailure("\(program) \(arguments.joined(separator: " ")): \(result.status): \(result.stderr)")
        }
        return result.stdout
    }
}

/// What a test that waits, or a program, ended with.
struct ScenarioFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

private struct SessionListing: Decodable {
    let sessions: [SessionStatus]
}
