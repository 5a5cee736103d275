import Boot
import Glibc
import Linux
import TestSupport

/// A user to whom the tiny guest is offered as a system that parks, with all of its image here.
struct WarmDrill {
    let scenario: Scenario

    /// Runs a drill in places of its own and ends what still runs, also when the drill fails.
    static func with(_ body: (WarmDrill) async throws -> Void) async throws {
        // A state is made when the drill says so.
        let scenario = try await Scenario(
            images: [("2026-11-16", try await TinyGuest.image())], options: ["--park"],
            configuration: "[guest]\naccel = \"tcg\"\n[warm]\nmake = \"never\"\n")
        do {
            try await scenario.client("fetch", "tiny")
            try await body(WarmDrill(scenario: scenario))
        } catch {
            await scenario.end()
            throw error
        }
        await scenario.end()
    }

    // MARK: What is there

    /// The folder of all states.
    var folder: String { scenario.folder.path("cache/oscircular/warm") }
    /// States that are whole, by their folders' names.
    var states: [String] { names.filter { $0.utf8.count == 32 } }
    /// What is there of states that are not whole.
    var halfMade: [String] { names.filter { $0.hasPrefix(".") } }

    private var names: [String] {
        Folder.namesIfAny(in: folder).filter { Folder.isFolder("\(folder)/\($0)") }.sorted()
    }

    private var sessionFolder: String { scenario.folder.path("run/oscircular/sessions") }
    /// Of our own sessions, a template's too.
    var sessionIDs: [String] { Folder.namesIfAny(in: sessionFolder) }
    /// The processes of our sessions.
    var sessionProcesses: [pid_t] { ProcessTable.pids(running: "run-session", under: sessionFolder) }

    /// QEMU's processes of our sessions.
    var emulators: [pid_t] { sessionIDs.compactMap(emulator) }

    private func emulator(of id: String) -> pid_t? {
        // Not there before it runs, nor afterwards.
        let text = try? FileContents.readText("/run/libvirt/qemu/oscircular-\(id).pid", limit: 64)
        return text.flatMap { pid_t($0.prefix { $0.isNumber }) }
    }

    /// How the session started: `warm` or `booted`.
    func start(of session: SessionStatus) async throws -> String? {
        let list = try JSONValue.object(try await scenario.client("sessions", "--json"))
        return list["sessions"]?.array.first { $0["id"]?.string == session.id }?["start"]?.string
    }

    // MARK: Steps

    func makeState() async throws { try await scenario.client("fetch", "--warm", "tiny") }

    /// Boots the system, and stops it when it answers.
    /// - Returns: how it started.
    func startAndStop(_ options: String...) async throws -> String? {
        let output = try await Scenario.succeed(
            "oscircular", ["boot", "tiny", "--detach", "--json", "--accel", "tcg"] + options, scenario.environment)
        let id = try JSONValue.object(output)["id"]?.string ?? ""
        guard let session = try await scenario.sessions().first(where: { $0.id == id }) else {
            throw ScenarioFailure("the session has ended: \(output)")
        }
        let start = try await start(of: session)
        if start != "warm" { _ = try await scenario.console(of: session, shows: "READY") }
        // The server of a guest that has just woken makes its keys first.
        guard
            try await eventually(
                within: .seconds(60),
                { try await scenario.attempt("ssh", id, "echo answered").output == "answered\n" })
        else { throw ScenarioFailure("\(start ?? "?"): \(try await scenario.attempt("ssh", id, "true"))") }
        try await scenario.client("stop", id, "--force")
        return start
    }

    /// Waits for a moment, which may be short.
    static func soon(within seconds: Int = 60, _ condition: () -> Bool) async throws -> Bool {
        let end = ContinuousClock.now + .seconds(seconds)
        while !condition() {
            if ContinuousClock.now >= end { return false }
            try await Task.sleep(for: .milliseconds(2))
        }
        return true
    }

    /// What is left of sessions that are over, once their next start has cleaned up; libvirt takes a moment to end a guest whose start it
    /// was in the middle of.
    func leftOvers(except others: Set<String>) async throws -> [String] {
        var left: [String] = []
        for _ in 0..<60 {
            _ = try await scenario.sessions()
            let domains = try await Self.domains().subtracting(others)
            left =
                sessionIDs + Folder.namesIfAny(in: scenario.folder.path("state/oscircular/overlays"))
                + scenario.mounts() + domains
            if left.isEmpty { break }
            try await Task.sleep(for: .milliseconds(500))
        }
        return left
    }

    /// All guests of this machine.
    static func domains() async throws -> Set<String> {
        let list = try await BuiltProgram.runAny("virsh", ["-c", LibvirtDaemon.uri, "list", "--name"])
        return Set(list.stdout.split(separator: "\n").map(String.init))
    }
}
