import Boot
import FoundationEssentials
import Glibc
import Linux
import TestSupport
import Testing

/// Suspended guests with the real thing: libvirt, QEMU, the tiny guest.
@Suite(.serialized, .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)))
struct SuspendGuestTests {
    /// Bytes of the disk: more than the image has.
    private static let size = 256 << 20
    /// MiB, far behind the image's end.
    private static let place = 200

    @Test(.timeLimit(.minutes(8)))
    func aGuestGoesOnWithAllThatItHadAndColdWhereItsMemoryDoesNotFit() async throws {
        try await Scenario.with(images: [("2026-11-16", try await TinyGuest.image())]) { scenario in
            let session = try await scenario.boot("tiny", "--home", "work", "--disk", "\(Self.size)")
            _ = try await scenario.console(of: session, shows: "READY")
            try await Self.write("a", session, scenario)
            let started = try await scenario.runAsRoot(
                "(sleep 5000 > /dev/null 2>&1 & echo $! > /tmp/work); ssh -o BatchMode=yes -l root 10.0.2.2 'echo kept > result'",
                session)
            #expect(started.status == 0, "\(started.error)")
            let boot = try await Self.text("cat /proc/sys/kernel/random/boot_id", session, scenario)

            // So that nothing of it is missing when its server is gone.
            try await scenario.whole(session)
            let folder = scenario.folder.path("state/oscircular/suspended/\(session.id)")
            try await scenario.client("suspend", session.id)
            try await expectSuspended(session, folder, scenario)
            try await Task.sleep(for: .seconds(3))

            // Its image stays here, and its server is not needed.
            try await scenario.client("cache", "clear")
            scenario.server.stop()
            let before = ContinuousClock.now
            let again = try await resume(session.id, scenario)
            let answer = try await Self.text("cat /proc/sys/kernel/random/boot_id", again, scenario)
            #expect(answer == boot, "it has not booted")
            print("resumed and answered ssh after \(ContinuousClock.now - before)")
            #expect(again.id == session.id && again.home == "work")
            #expect(Folder.namesIfAny(in: scenario.folder.path("state/oscircular/suspended")) == [])
            try await expectGoesOn(again, scenario)

            // What does not fit is said, and nothing is lost.
            try await scenario.client("suspend", session.id)
            let record = "\(folder)/record.json"
            let text = try FileContents.readText(record, limit: 1 << 20)
            for (from, to, words) in [
                ("\"major\" : ", "\"major\" : 9", "QEMU"),
                ("\"machine\" : \"pc-q35-", "\"machine\" : \"pc-q35-9", "pc-q35-9"),
                ("\"memoryMiB\" : 256", "\"memoryMiB\" : 192", "'ram'"),
            ] {
                let changed = text.replacing(from, with: to)
                #expect(changed != text, "\(from)")
                try AtomicFile.write(changed, to: record, mode: 0o600)
                let refused = try await scenario.attempt("resume", session.id, "--detach")
                #expect(refused.status == 69 && refused.error.contains("resume --cold \(session.id)"), "\(refused)")
                #expect(refused.error.contains(words), "\(refused)")
            }
            try AtomicFile.write(text, to: record, mode: 0o600)
            let memory = try FileHandle("\(folder)/memory.zst", for: .both)
            try [UInt8](repeating: 7, count: 64).withBytes { (bytes) throws(SystemCallError) in
                try memory.write(bytes, at: 300_000)
            }
            let damaged = try await scenario.attempt("resume", session.id, "--detach")
            #expect(damaged.status == 69 && damaged.error.contains("resume --cold \(session.id)"), "\(damaged)")
            #expect(try await scenario.sessions().map(\.state) == [.suspended])

            let cold = try await resume(session.id, scenario, "--cold")
            _ = try await scenario.console(of: cold, shows: "READY")
            #expect(try await Self.text("cat /proc/sys/kernel/random/boot_id", cold, scenario) != boot)
            #expect(try await Self.letter(cold, scenario) == "a", "the disk is as it was")
            try await scenario.client("stop", session.id, "--force")
            #expect(try await scenario.sessions().isEmpty)
            #expect(Folder.namesIfAny(in: scenario.folder.path("state/oscircular/overlays")) == [])
            #expect(try await scenario.attempt("homes", "check", "work").status == 0)
        }
    }

    private func expectSuspended(_ session: SessionStatus, _ folder: String, _ scenario: Scenario) async throws {
        let list = try await scenario.sessions()
        #expect(list.map(\.id) == [session.id] && list.first?.state == .suspended, "\(list)")
        #expect((list.first?.suspended?.memory ?? 0) > 1_000_000 && list.first?.suspended?.problem == nil)
        #expect(list.first?.suspended?.base == "all of its image here", "\(String(describing: list.first?.suspended))")
        #expect(try Paths.status(folder)?.permissions == 0o700)
        for name in ["record.json", "memory.zst", "overlay.qcow2", "keys/gateway", "session/fw/tmpfiles.extra"] {
            let status = try Paths.status("\(folder)/\(name)")
            #expect(status?.permissions == 0o600 && status?.owner == CurrentUser.id, "\(name)")
        }
        #expect(Folder.namesIfAny(in: scenario.folder.path("run/oscircular/sessions")) == [])
        let stop = try await scenario.attempt("stop", session.id)
        #expect(stop.status == 75 && stop.error.contains("oscircular resume \(session.id)"), "\(stop)")
        let check = try await scenario.attempt("homes", "check", "work")
        #expect(check.status == 75 && check.error.contains("oscircular resume \(session.id)"), "\(check)")
        let unpin = try await scenario.attempt("cache", "unpin", "suspended/\(session.id)")
        #expect(unpin.status == 64 && unpin.error.contains(session.id), "\(unpin)")
    }

    private func expectGoesOn(_ session: SessionStatus, _ scenario: Scenario) async throws {
        let alive = try await scenario.runAsRoot("kill -0 $(cat /tmp/work) && grep -q ' /home/' /proc/mounts", session)
        #expect(alive.status == 0, "what ran goes on, and its home is where it was: \(alive.error)")
        #expect(try await Self.letter(session, scenario) == "a")
        // Both ways of ssh, with the keys that the guest knows, over sockets of another session.
        let host = try await scenario.runAsRoot("ssh -o BatchMode=yes -l root 10.0.2.2 'cat result'", session)
        #expect(host.output == "kept\n", "\(host.error)")
        #expect(
            try FileContents.readText(session.consoleLog, limit: 1 << 20).contains("READY"), "the console has its end")
        var difference = Int.max
        for _ in 0..<60 where abs(difference) > 2 {
            let time = try await scenario.runAsRoot("date -u +%s; cat /proc/uptime", session)
            difference = (Int(time.output.prefix { $0 != "\n" }) ?? 0) - WallClock.seconds
            try await Task.sleep(for: .milliseconds(500))
        }
        #expect(abs(difference) <= 2, "the clock is \(difference) seconds off")
        let status = try #require(try await scenario.sessions().first)
        #expect(status.state == .running && status.lastError == nil, "\(status)")
    }

    @Test(.timeLimit(.minutes(8)))
    func aMachinesMemoryAndDiskBelongTogether() async throws {
        try await Scenario.with(images: [("2026-11-16", try await TinyGuest.image())]) { scenario in
            let suspended = scenario.folder.path("state/oscircular/suspended")
            let session = try await scenario.boot("tiny", "--keep", "work", "--disk", "\(Self.size)")
            _ = try await scenario.console(of: session, shows: "READY")
            try await Self.write("a", session, scenario)
            let boot = try await Self.text("cat /proc/sys/kernel/random/boot_id", session, scenario)

            // No room for the memory: it is said, nothing is left, and the guest goes on.
            try Folder.make(suspended, mode: 0o700)
            #expect(mount("tmpfs", suspended, "tmpfs", 0, "size=2m,mode=700") == 0)
            let full = try await scenario.attempt("suspend", session.id)
            #expect(full.status == 75 && full.error.contains("No space left"), "\(full)")
            #expect(Folder.namesIfAny(in: suspended) == [])
            umount(suspended)
            #expect(try await Self.text("cat /proc/sys/kernel/random/boot_id", session, scenario) == boot)
            #expect(try await scenario.sessions().first?.suspension?.failure?.contains("No space left") == true)

            // kill -9 while it is saved: the machine has its disk, or all of it.
            async let saving = scenario.attempt("suspend", session.id)
            #expect(
                await eventually(within: .seconds(30)) { access("\(suspended)/\(session.id)/memory.zst", F_OK) == 0 })
            let processes = ProcessTable.pids(
                running: "run-session", under: scenario.folder.path("run/oscircular/sessions"))
            processes.forEach { kill($0, SIGKILL) }
            _ = try await saving
            for _ in 0..<100 where Folder.namesIfAny(in: scenario.folder.path("run/oscircular/sessions")) != [] {
                _ = try await scenario.sessions()
                try await Task.sleep(for: .milliseconds(100))
            }
            let left = try await scenario.sessions()
            #expect(left.allSatisfy { $0.state == .suspended && $0.suspended?.problem == nil }, "\(left)")
            let second = try await start("work", scenario, "--cold")
            #expect(try await Self.letter(second, scenario) == "a")
            #expect(Folder.namesIfAny(in: suspended) == [])

            try await scenario.client("suspend", second.id)
            #expect(!Paths.allows([], "\(suspended)/\(second.id)/overlay.qcow2"), "its disk is the machine's")
            for command in [["start", "work", "--detach"], ["snapshot", "work", "s"], ["rename", "work", "other"]] {
                let refused = try await BuiltProgram.run(
                    "oscircular", ["machines"] + command, environment: scenario.environment)
                #expect(
                    refused.status == 75 && refused.stderr.contains("oscircular resume \(second.id)"),
                    "\(refused.stderr)")
            }
            #expect(try await scenario.client("machines").contains("suspended as \(second.id)"))
            let third = try await resume(second.id, scenario)
            #expect(third.machine == "work")
            try await Self.write("b", third, scenario)
            try await scenario.client("stop", third.id, "--force")
            try await scenario.client("machines", "snapshot", "work", "s")
        }
    }

    // MARK: Steps

    private func resume(_ id: String, _ scenario: Scenario, _ options: String...) async throws -> SessionStatus {
        let output = try await Scenario.succeed(
            "oscircular", ["resume", id, "--detach", "--json"] + options, scenario.environment)
        return try JSONDecoder().decode(SessionStatus.self, from: Data(output.utf8))
    }

    private func start(_ name: String, _ scenario: Scenario, _ options: String...) async throws -> SessionStatus {
        let output = try await Scenario.succeed(
            "oscircular", ["machines", "start", name, "--detach", "--json", "--accel", "tcg"] + options,
            scenario.environment)
        let session = try JSONDecoder().decode(SessionStatus.self, from: Data(output.utf8))
        _ = try await scenario.console(of: session, shows: "READY")
        return session
    }

    private static func text(_ script: String, _ session: SessionStatus, _ scenario: Scenario) async throws -> String {
        try await scenario.runAsRoot(script, session).output
    }

    private static func write(_ letter: String, _ session: SessionStatus, _ scenario: Scenario) async throws {
        let done = try await scenario.runAsRoot(
            "echo \(letter) | dd of=/dev/vda bs=1M seek=\(place) conv=fsync && sync", session)
        #expect(done.status == 0, "\(done.error)")
    }

    private static func letter(_ session: SessionStatus, _ scenario: Scenario) async throws -> String {
        try await text(
            "dd if=/dev/vda bs=1M skip=\(place) count=1 2> /dev/null | head -c 1", session, scenario)
    }
}
