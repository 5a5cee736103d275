import Boot
import Glibc
import Linux
import TestSupport
import Testing

/// A whole Debian, as a user has it: two weeks of it are built once, published, and booted in emulation.
@Suite(
    .serialized,
    .enabled(
        if: LibvirtDaemon.isReady() && geteuid() == 0 && ProgramPath.find("mmdebstrap") != nil,
        "Debian needs what a guest needs, root, and mmdebstrap (share/install-packages demo)"))
struct DebianTests {
    @Test(.timeLimit(.minutes(15)))
    func debianBootsAndTheOlderWeekFetchesOnlyWhatItDoesNotShare() async throws {
        let images = try await DebianImages.make()
        let weeks = [(version: "2026-11-16", path: images.older), (version: "2026-11-23", path: images.newer)]
        try await Scenario.with(images: weeks) { scenario in
            let session = try await scenario.boot("tiny", "--memory", "512")
            #expect(session.version == "2026-11-23")
            _ = try await scenario.console(of: session, shows: "login:", within: 180)
            let system = try await scenario.attempt("ssh", session.id, "systemctl is-system-running --wait")
            #expect(["running\n", "degraded\n"].contains(system.output), "\(system.output) \(system.error)")
            #expect(try await scenario.attempt("ssh", session.id, "cat /dev/vcs1").output.contains("login:"))
            let host = try await scenario.attempt(
                "ssh", session.id, "ssh -o BatchMode=yes -l root 10.0.2.2 'echo on the host'")
            #expect(host.output == "on the host\n", "\(host.error)")
            try await scenario.whole(session)
            // By ACPI: the guest's own systemd ends it.
            try await scenario.client("stop", session.id)
            let log = try FileContents.readText(session.consoleLog, limit: 16 << 20)
            #expect(log.contains("Power down") || log.contains("Powering Off") || log.contains("power-off"))
            try await expectNothingLeft(scenario)

            let first = Scenario.blocks(inRequests: scenario.blockRequests)
            #expect(Set(first).count == first.count, "a block was fetched twice")
            // The second boot of a version asks for no block; its user's home is made by the system itself, when it starts.
            let again = try await scenario.boot("tiny", "--memory", "512", "--home", "work")
            _ = try await scenario.console(of: again, shows: "login:", within: 180)
            let home = try await scenario.attempt(
                "ssh", again.id, "id -un; pwd; ls -A; stat -c %a .ssh; echo kept > file; sync")
            #expect(home.output.hasPrefix("user\n/home/user\n.bash_logout\n"), "\(home)")
            #expect(home.output.hasSuffix("\n.ssh\nlost+found\n700\n"), "\(home)")
            try await scenario.client("stop", again.id, "--force")
            #expect(scenario.blockRequests.count == first.count, "the second boot fetched blocks")

            let wanted = try Scenario.blocks(of: scenario.publishedIndex("2026-11-16"))
            let older = try await scenario.boot("tiny@2026-11-16", "--memory", "512", "--home", "work")
            _ = try await scenario.console(of: older, shows: "login:", within: 180)
            // Written by a guest that was powered off; in another week of the system.
            let file = try await scenario.attempt("ssh", older.id, "cat file; stat -c '%U %u %G' file")
            #expect(file.output == "kept\nuser 1000 user\n", "\(file)")
            let second = Scenario.blocks(inRequests: scenario.blockRequests.dropFirst(first.count))
            #expect(Set(second).isDisjoint(with: first), "what the newer week brought was asked for again")
            #expect(Set(second).isSubset(of: wanted))
            #expect(Set(second).count == second.count)
            #expect(second.count < first.count / 2, "\(second.count) after \(first.count): most is shared")
            try await scenario.client("stop", older.id, "--force")
            try await expectNothingLeft(scenario)
        }
    }

    private func expectNothingLeft(_ scenario: Scenario) async throws {
        #expect(try await scenario.sessions().isEmpty)
        #expect(Folder.namesIfAny(in: scenario.folder.path("run/oscircular/sessions")).isEmpty)
        #expect(Folder.namesIfAny(in: scenario.folder.path("state/oscircular/overlays")).isEmpty)
        #expect(scenario.mounts().isEmpty)
    }
}

/// Two weeks of the demo's Debian, built once for all test runs of this machine.
enum DebianImages {
    /// - Returns: the paths of both images. They must not be written to.
    static func make() async throws -> (older: String, newer: String) {
        // As root QEMU runs as a user of its own, which cannot look into root's home.
        let folder = "/var/cache/oscircular-test/debian-2"
        try Folder.make(folder)
        let images = (older: "\(folder)/older.raw", newer: "\(folder)/newer.raw")
        if access(images.older, R_OK) == 0 && access(images.newer, R_OK) == 0 { return images }
        var script = Substring(#filePath)
        for _ in 0..<3 { script = script.prefix(upTo: script.lastIndex(of: "/") ?? script.startIndex) }
        let built = try await BuiltProgram.runAny(
            "\(script)/share/demo/build-debian", [images.older, images.newer], within: .seconds(840))
        guard built.status == 0 else { throw Scenario.Failure("build-debian: \(built.status): \(built.stderr)") }
        return images
    }
}
