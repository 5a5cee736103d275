import Glibc
import Linux
import TestSupport
import Testing

/// Long: sessions killed at random moments of start and run. `make drill` runs it; OSCIRCULAR_DRILL_ROUNDS says how often.
@Suite(
    .serialized,
    .enabled(if: getenv("OSCIRCULAR_DRILL") != nil && LibvirtDaemon.isReady(), "only in 'make drill', with libvirt"))
struct SessionDrillTests {
    @Test func sessionsKilledAtRandomMomentsLeaveNothingButLogs() async throws {
        let rounds = getenv("OSCIRCULAR_DRILL_ROUNDS").flatMap { Int(String(cString: $0)) } ?? 40
        try await Scenario.with(images: [("2026-11-16", try await TinyGuest.image())]) { scenario in
            var random = SeededRandom(seed: 2009)
            let others = try await domains()
            for round in 0..<rounds {
                // Half of them while they start (a start takes half a second), half while the guest runs.
                let milliseconds = Int(random.next() % (round.isMultiple(of: 2) ? 700 : 8000))
                async let boot = scenario.attempt("boot", "tiny", "--detach", "--accel", "tcg")
                try await Task.sleep(for: .milliseconds(milliseconds))
                let folder = scenario.folder.path("run/oscircular/sessions")
                for process in ProcessTable.pids(running: "run-session", under: folder) { kill(process, SIGKILL) }
                _ = try await boot
                try await Task.sleep(for: .seconds(2))
                for session in try await scenario.sessions() {
                    try await scenario.client("stop", session.id, "--force")
                }
                _ = try await scenario.sessions()
                let left =
                    Folder.namesIfAny(in: folder)
                    + Folder.namesIfAny(in: scenario.folder.path("state/oscircular/overlays")) + scenario.mounts()
                #expect(left.isEmpty, "round \(round), killed after \(milliseconds) ms: \(left)")
                // libvirt ends a guest whose start it was in the middle of when that start is done.
                var domains = try await domains().subtracting(others)
                for _ in 0..<40 where !domains.isEmpty {
                    try await Task.sleep(for: .milliseconds(500))
                    domains = try await self.domains().subtracting(others)
                }
                #expect(domains.isEmpty, "round \(round), killed after \(milliseconds) ms")
            }
        }
    }

    private func domains() async throws -> Set<String> {
        let list = try await BuiltProgram.runAny("virsh", ["-c", "qemu:///system", "list", "--name"])
        return Set(list.stdout.split(separator: "\n").map(String.init))
    }
}
