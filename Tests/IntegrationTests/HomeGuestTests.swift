import Boot
import Linux
import TestSupport
import Testing

/// Guests with a home: the tiny guest has no program that makes users or mounts, so the session does it all by ssh.
@Suite(.serialized, .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)))
struct HomeGuestTests {
    @Test(.timeLimit(.minutes(5)))
    func aFileInAHomeIsThereInTheNextWeek() async throws {
        let image = try await TinyGuest.image()
        try await Scenario.with(images: [("2026-11-16", image), ("2026-11-23", image)]) { scenario in
            let session = try await scenario.boot("tiny@2026-11-16", "--home", "work")
            #expect(session.home == "work")
            let user = try await scenario.attempt(
                "ssh", session.id, "id -u; pwd; umask 022; echo kept > file; sync; ls -ld . .ssh")
            let lines = user.output.split(separator: "\n")
            #expect(lines.first == "1000" && lines.dropFirst().first?.hasPrefix("/home/") == true, "\(user)")
            // Nobody gets rights from what is in it.
            let mount = try await scenario.attempt("ssh", session.id, "grep ' /home/' /proc/mounts")
            #expect(["ext4", "nosuid", "nodev"].allSatisfy(mount.output.contains), "\(mount)")
            let busy = try await scenario.attempt("boot", "tiny", "--home", "work", "--detach", "--accel", "tcg")
            #expect(busy.status == 75 && busy.error.contains("session \(session.id) has it"), "\(busy)")
            #expect(try await scenario.client("homes", "--json").contains("\"usedBy\" : \"\(session.id)\""))
            #expect(try await scenario.attempt("homes", "check", "work").status == 75)
            try await scenario.client("stop", session.id)

            let disk = scenario.folder.path("state/oscircular/homes/work.raw")
            let status = try #require(try Paths.statusOfName(disk))
            #expect(status.owner == CurrentUser.id && status.permissions == 0o600, "it is the user's again")
            let check = try await scenario.attempt("homes", "check", "work")
            #expect(check.status == 0, "\(check)")

            // Another catalog's system is asked about, and without a terminal refused.
            try await scenario.follow("other", at: scenario.server.url + "/")
            let other = try await scenario.attempt("boot", "other/tiny", "--home", "work", "--detach", "--accel", "tcg")
            #expect(other.status == 77 && other.error.contains("--allow-home"), "\(other)")

            let next = try await scenario.boot("test/tiny", "--home", "work")
            #expect(next.version == "2026-11-23")
            let found = try await scenario.attempt(
                "ssh", next.id, "cat file; ls -ln file; grep -c oscircular-host .ssh/authorized_keys")
            #expect(found.output.hasPrefix("kept\n"), "\(found)")
            #expect(found.output.contains(" 1000     1000 ") && found.output.hasSuffix("\n1\n"), "\(found)")
            let homes = try await scenario.client("homes")
            #expect(homes.contains("used by session \(next.id)") && homes.contains("test/tiny@2026-11-23"), "\(homes)")
            #expect(homes.contains("-auto"), "it was kept before another version had it")
            try await scenario.client("stop", next.id, "--force")
        }
    }
}
