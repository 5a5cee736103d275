import Boot
import FoundationEssentials
import Glibc
import Linux
import TestSupport
import Testing

/// Versions that do not come up, with real guests: one that starts anew for ever, and one that sleeps.
@Suite(.serialized, .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)))
struct RollbackTests {
    @Test(.timeLimit(.minutes(6)))
    func theWeekThatCameUpLastBootsInPlaceOfOneThatDoesNot() async throws {
        let image = try await TinyGuest.image()
        let broken = try TemporaryDirectory(mode: 0o755)
        let restarting = broken.path("restarting.raw")
        let sleeping = broken.path("sleeping.raw")
        try await BrokenImage.make(
            restarting, of: image, start: "#!/bin/sh\necho starting\nexec /bin/busybox reboot -f\n")
        try await BrokenImage.make(sleeping, of: image, start: "#!/bin/sh\nexec /bin/busybox sleep 1000000\n")
        let weeks = [("2026-11-16", image), ("2026-11-23", sleeping), ("2026-11-30", restarting)]
        try await Scenario.with(images: weeks) { scenario in
            // Week 1 comes up, and its home gets a file.
            let first = try await scenario.boot("tiny@2026-11-16", "--home", "work")
            _ = try await scenario.console(of: first, shows: "READY")
            let file = try await scenario.attempt("ssh", first.id, "echo kept > file; sync")
            #expect(file.status == 0, "\(file)")
            try await scenario.health(shows: "\"version\":\"2026-11-16\"")
            try await scenario.client("stop", first.id)

            // Week 3 starts anew for ever: whoever watches it sees week 1, and nobody did anything.
            async let watching = scenario.attempt(
                "boot", "tiny", "--home", "work", "--healthy", "90", "--display", "none", "--accel", "tcg")
            let next = try await scenario.successor()
            #expect(next.version == "2026-11-16" && next.home == "work")
            #expect(next.rolledBackFrom?.version == "2026-11-30" && next.rolledBackFrom?.successor == next.id)
            #expect(next.rolledBackFrom?.reason == "restarted twice before its login", "\(next)")
            let log = try #require(next.rolledBackFrom?.log)
            #expect(try FileContents.readText(log, limit: 1 << 20).contains("starting"))
            _ = try await scenario.console(of: next, shows: "READY")
            let found = try await scenario.attempt("ssh", next.id, "cat file")
            #expect(found.output == "kept\n", "\(found)")
            let sessions = try await scenario.client("sessions")
            #expect(sessions.contains("in place of tiny@2026-11-30, which restarted twice"), "\(sessions)")
            let list = try await scenario.client("list", "tiny")
            #expect(list.contains("restarted twice before its login here on"), "\(list)")
            #expect(try await scenario.client("list", "--json").contains("\"why\" : \"restarts\""))
            try await scenario.client("stop", next.id)
            let watched = try await watching
            #expect(watched.status == 0, "\(watched)")
            #expect(
                watched.error.contains("tiny@2026-11-16, the last one that came up here, boots in its place"),
                "\(watched)")
            #expect(
                watched.error.contains("session \(next.id) is up") && watched.error.contains("-auto has it"),
                "\(watched)")

            // Week 2 sleeps. Its session is killed when the week is marked, before anything can follow.
            let late = try await scenario.boot("tiny@2026-11-23", "--home", "work", "--healthy", "2")
            try await scenario.health(shows: "\"why\":\"late\"")
            kill(late.pid, SIGKILL)
            // A bare name boots neither of both, and says why; Ctrl-C is not needed for that either.
            let again = try await scenario.attempt(
                "boot", "tiny", "--home", "work", "--detach", "--accel", "tcg", "--json")
            #expect(again.status == 0 && again.output.contains("\"version\" : \"2026-11-16\""), "\(again)")
            #expect(again.error.contains("tiny@2026-11-30 restarted twice before its login here on"), "\(again)")
            #expect(try await scenario.sessions().count == 1, "nothing followed the killed one")
        }
    }
}

extension Scenario {
    /// Waits until what is known of how `tiny` starts has a text in it.
    fileprivate func health(shows text: String, within seconds: Int = 90) async throws {
        let path = folder.path("state/oscircular/health/test/tiny.json")
        for _ in 0..<(seconds * 5) {
            if (try? FileContents.readText(path, limit: 1 << 20))?.contains(text) == true { return }
            try await Task.sleep(for: .milliseconds(200))
        }
        throw Failure("\(text) never came into \((try? FileContents.readText(path, limit: 1 << 20)) ?? "no record")")
    }
}

extension ProgramUser {
    /// Waits until a guest runs in the place of another.
    func successor(within seconds: Int = 240) async throws -> SessionStatus {
        for _ in 0..<(seconds * 2) {
            let found = try await sessions().first { $0.rolledBackFrom != nil && $0.phase == .up }
            if let found { return found }
            try await Task.sleep(for: .milliseconds(500))
        }
        let logs = folder.path("state/oscircular/logs")
        let texts = Folder.namesIfAny(in: logs).filter { $0.hasSuffix(".session.log") }.map { name in
            "\(name): \((try? FileContents.readText("\(logs)/\(name)", limit: 1 << 20)) ?? "")"
        }
        throw ScenarioFailure("nothing followed: \(texts.joined(separator: "\n"))")
    }
}

/// An image whose first process is another.
enum BrokenImage {
    /// Copies a disk whose root is an ext4 file system that begins at 1 MiB, and gives it another first process.
    /// - Parameters:
    ///   - first: where its first process is, without links on the way.
    ///   - start: the script in its place; nil for a link to `/bin/false`.
    static func make(_ path: String, of image: String, first: String = "/sbin/init", start: String?) async throws {
        let copied = try await BuiltProgram.runAny("cp", ["--sparse=always", image, path])
        guard copied.status == 0 else { throw ScenarioFailure("cp: \(copied.stderr)") }
        var commands = "unlink \(first)\n"
        if let start {
            try AtomicFile.write(start, to: "\(path).init")
            commands += "write \(path).init \(first)\nset_inode_field \(first) mode 0100755\n"
        } else {
            commands += "symlink \(first) /bin/false\n"
        }
        try AtomicFile.write(commands + "quit\n", to: "\(path).commands")
        _ = try await BuiltProgram.runAny("debugfs", ["-w", "-f", "\(path).commands", "\(path)?offset=1048576"])
        // Its exit code says nothing.
        let found = try await BuiltProgram.runAny("debugfs", ["-R", "stat \(first)", "\(path)?offset=1048576"])
        guard found.stdout.contains(start == nil ? "/bin/false" : "Size: \(start?.utf8.count ?? 0)") else {
            throw ScenarioFailure("debugfs did not change \(first): \(found.stdout)\(found.stderr)")
        }
    }
}
