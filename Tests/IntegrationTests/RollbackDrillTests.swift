import Boot
import Glibc
import Linux
import TestSupport
import Testing

/// Long: a whole Debian of three weeks with one home, whose third week's init is /bin/false. Nobody touches a key.
@Suite(
    .serialized,
    .enabled(
        if: getenv("OSCIRCULAR_DRILL") != nil && LibvirtDaemon.isReady() && geteuid() == 0
            && ProgramPath.find("mmdebstrap") != nil, "only in 'make drill', as root, with mmdebstrap"))
struct RollbackDrillTests {
    @Test(.timeLimit(.minutes(30)))
    func weekTwoIsAtItsLoginWithTheFileAfterWeekThreeWasGivenUp() async throws {
        let images = try await DebianImages.make()
        let folder = try TemporaryDirectory(mode: 0o755)
        let broken = folder.path("broken.raw")
        try await BrokenImage.make(broken, of: images.newer, first: "/usr/sbin/init", start: nil)
        let weeks = [("2026-11-16", images.older), ("2026-11-23", images.newer), ("2026-11-30", broken)]
        try await Scenario.with(images: weeks) { scenario in
            let first = try await scenario.boot("tiny@2026-11-16", "--memory", "512", "--home", "work")
            _ = try await scenario.console(of: first, shows: "login:", within: 240)
            let written = try await scenario.attempt("ssh", first.id, "echo kept > file; sync")
            #expect(written.status == 0, "\(written)")
            try await scenario.client("stop", first.id)

            let started = MonotonicClock.nanoseconds
            let second = try await scenario.boot("tiny@2026-11-23", "--memory", "512", "--home", "work")
            _ = try await scenario.console(of: second, shows: "login:", within: 240)
            let boot = Double(MonotonicClock.nanoseconds - started) / 1e9
            try await scenario.client("stop", second.id)

            let bad = try await scenario.boot("tiny", "--memory", "512", "--home", "work")
            #expect(bad.version == "2026-11-30")
            let record = scenario.folder.path("state/oscircular/health/test/tiny.json")
            // As long as five starts take here.
            func isGivenUp() -> Bool {
                (try? FileContents.readText(record, limit: 1 << 20))?.contains("\"why\":\"late\"") == true
            }
            for _ in 0..<3000 where !isGivenUp() { try await Task.sleep(for: .milliseconds(200)) }
            #expect(isGivenUp())
            let givenUp = MonotonicClock.nanoseconds
            let next = try await scenario.successor()
            #expect(next.version == "2026-11-23" && next.rolledBackFrom?.session == bad.id, "\(next)")
            _ = try await scenario.console(of: next, shows: "login:", within: 240)
            let back = Double(MonotonicClock.nanoseconds - givenUp) / 1e9
            print("week 2 took \(boot) s to its login, and \(back) s after week 3 was given up")
            #expect(back <= 3 * boot, "\(back) s after \(boot) s")
            let found = try await scenario.attempt("ssh", next.id, "cat file")
            #expect(found.output == "kept\n", "\(found)")
            let log = try #require(next.rolledBackFrom?.log)
            #expect(try FileContents.readText(log, limit: 16 << 20).contains("Kernel panic"))
            try await scenario.client("stop", next.id, "--force")
        }
    }
}
