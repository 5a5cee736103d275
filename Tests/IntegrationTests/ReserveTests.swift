import Boot
import Glibc
import Linux
import TestSupport
import Testing

/// A host's disk that fills while a guest runs.
@Suite(
    .serialized, .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)),
    .enabled(if: geteuid() == 0, "SKIPPED: needs root to mount a small file system"))
struct ReserveTests {
    @Test func aGuestThatComesToTheReserveWaitsWithAReasonAndGoesOn() async throws {
        try await Scenario.with(images: [("2026-11-16", try await TinyGuest.image())]) { scenario in
            let state = scenario.folder.path("state/oscircular")
            let script = """
                mv "$0" "$0.old" && mkdir "$0" && mount -t tmpfs -o size=96m,mode=755 tmpfs "$0" && cp -a "$0.old/." "$0"
                """
            let mounted = try await BuiltProgram.runAny("sh", ["-c", script, state])
            try #require(mounted.status == 0, "\(mounted.stderr)")
            let result: Result<Void, any Error>
            do {
                result = .success(try await fill(state, scenario))
            } catch {
                result = .failure(error)
            }
            await scenario.end()
            _ = try await BuiltProgram.runAny("umount", ["-l", state])
            try result.get()
        }
    }

    /// A twentieth of the disk is the guests' reserve, a fifth the logins'.
    private func fill(_ state: String, _ scenario: Scenario) async throws {
        let session = try await scenario.boot("tiny")
        _ = try await scenario.console(of: session, shows: "READY")
        #expect(try await scenario.sessions().first?.lastError == nil)

        try leave(12 << 20, in: state)
        try await until(scenario) { $0.state == .running && $0.lastError?.contains("logins") == true }
        // A login that comes now waits, and the guest goes on.
        let login = "ssh -o BatchMode=yes -l root 10.0.2.2 echo served"
        #expect(try await scenario.attempt("ssh", session.id, "timeout 6 \(login); echo inside").output == "inside\n")

        try leave(3 << 20, in: state)
        try await until(scenario) {
            $0.state == .waiting && $0.waitingFor == .space && $0.lastError?.contains("reserve") == true
        }
        let text = try await scenario.client("sessions")
        #expect(text.contains("waiting") && text.contains("goes on by itself when there is room"), "\(text)")

        Paths.removeIfPossible("\(state)/fill")
        try await until(scenario) { $0.state == .running && $0.lastError == nil }
        #expect(try await scenario.attempt("ssh", session.id, "echo again").output == "again\n")
        #expect(try await scenario.attempt("ssh", session.id, login).output == "served\n")
        let log = try FileContents.readText("\(state)/logs/\(session.id).session.log", limit: 1 << 20)
        #expect(log.contains("logins on this machine wait") && log.contains("the reserve: the guest waits"), "\(log)")
    }

    /// Fills the disk until so many bytes are free.
    private func leave(_ bytes: Int, in folder: String) throws {
        let file = try FileHandle("\(folder)/fill", for: .writing, [.create, .append])
        let rest = try FileSystemSpace(of: Folder(path: folder)).available - bytes
        try [UInt8](repeating: 1, count: max(rest, 0)).withBytes { (buffer) throws(SystemCallError) in
            try file.write(buffer)
        }
    }

    private func until(
        _ scenario: Scenario, at location: SourceLocation = #_sourceLocation, _ condition: (SessionStatus) -> Bool
    ) async throws {
        var last: SessionStatus?
        let isReached = try await eventually(within: .seconds(30)) {
            last = try await scenario.sessions().first
            return last.map(condition) == true
        }
        let seen = last.map { "\($0.state) \(String(describing: $0.waitingFor)) \($0.lastError ?? "")" }
        #expect(isReached, "\(seen ?? "no session")", sourceLocation: location)
    }
}
