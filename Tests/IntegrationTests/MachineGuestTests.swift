import Boot
import FoundationEssentials
import Glibc
import Linux
import TestSupport
import Testing

/// Kept machines with the real thing: libvirt, QEMU, the tiny guest.
@Suite(.serialized, .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)))
struct MachineGuestTests {
    /// Bytes of the disk: more than the image has.
    private static let size = 256 << 20

    @Test func aMachineIsWhatItsGuestMadeOfItWhateverEndsItsSessions() async throws {
        try await Scenario.with(images: [("2026-11-16", try await TinyGuest.image())]) { scenario in
            let first = try await scenario.boot("tiny", "--keep", "work", "--disk", "\(Self.size)")
            #expect(first.machine == "work")
            _ = try await scenario.console(of: first, shows: "READY")
            let read = try await scenario.attempt("ssh", first.id, "cat /sys/block/vda/size")
            #expect(read.output == "\(Self.size / 512)\n", "\(read.error)")
            try await write("a", first, scenario)
            // A second start is refused with the session, and so are changes.
            for command in [["start", "work", "--detach"], ["snapshot", "work", "s"], ["forget", "work", "--yes"]] {
                let refused = try await BuiltProgram.run(
                    "oscircular", ["machines"] + command, environment: scenario.environment)
                #expect(refused.status == 75 && refused.stderr.contains(first.id), "\(refused.stderr)")
            }
            let again = try await scenario.attempt("boot", "tiny", "--keep", "work", "--detach", "--accel", "tcg")
            #expect(again.status == 1 && again.error.contains("oscircular machines start work"), "\(again.error)")
            try await scenario.whole(first)
            var row = try await row("work", scenario)
            #expect(row["state"]?.string == "running" && row["session"]?.string == first.id)
            #expect(row["base"]?["percent"]?.integer == 100 && row["size"]?.integer == Self.size)
            try await scenario.client("stop", first.id)

            // All of its base is here: neither the catalog nor its server is needed any more.
            try await scenario.client("cache", "clear")
            try await scenario.client("catalog", "remove", "test")
            scenario.server.stop()
            row = try await self.row("work", scenario)
            #expect(row["state"]?.string == "stopped" && row["warnings"]?.array == [])
            try await scenario.client("machines", "snapshot", "work", "before")
            try await scenario.client("machines", "clone", "work", "other")

            let second = try await start("work", scenario)
            #expect(try await letter(second, scenario) == "a")
            try await expectGraph(of: second, layers: 2, scenario)
            try await write("b", second, scenario)
            // kill -9: what the guest has on its disk stays.
            let processes = ProcessTable.pids(
                running: "run-session", under: scenario.folder.path("run/oscircular/sessions"))
            processes.forEach { kill($0, SIGKILL) }
            for _ in 0..<100 where Folder.namesIfAny(in: scenario.folder.path("run/oscircular/sessions")) != [] {
                _ = try await scenario.sessions()
                try await Task.sleep(for: .milliseconds(100))
            }
            #expect(Folder.namesIfAny(in: scenario.folder.path("state/oscircular/overlays")) == [])

            let third = try await start("work", scenario)
            #expect(try await letter(third, scenario) == "b")
            try await scenario.client("stop", third.id, "--force")
            let unasked = try await scenario.attempt("machines", "revert", "work", "before")
            #expect(unasked.status == 64 && unasked.error.contains("--save"), "\(unasked.error)")
            try await scenario.client("machines", "revert", "work", "before", "--save", "after")
            let copy = scenario.folder.path("copy.qcow2")
            try await scenario.client("machines", "export", "work", copy)
            #expect(try exportedLetter(copy) == UInt8(ascii: "a"))
            let twice = try await scenario.attempt("machines", "export", "other", copy)
            #expect(twice.status == 73 && twice.error.contains("--force"), "\(twice.error)")
            #expect(!Folder.namesIfAny(in: scenario.folder.path).contains { $0.hasSuffix(".tmp") })

            let clone = try await start("other", scenario)
            #expect(try await letter(clone, scenario) == "a")
            let names = try await scenario.attempt("ssh", clone.id, "cat /sys/class/net/eth0/address")
            #expect(names.output.hasPrefix("52:54:00:") && names.output != "52:54:00:0a:00:0f\n")
            try await scenario.client("stop", clone.id, "--force")
            try await scenario.client("machines", "forget", "work", "--yes")
            #expect(Folder.namesIfAny(in: scenario.folder.path("state/oscircular/machines")) == ["other"])
        }
    }

    private func start(_ name: String, _ scenario: Scenario) async throws -> SessionStatus {
        let output = try await scenario.client(
            "machines", "start", name, "--detach", "--json", "--accel", "tcg")
        let session = try JSONDecoder().decode(SessionStatus.self, from: Data(output.utf8))
        _ = try await scenario.console(of: session, shows: "READY")
        return session
    }

    private func row(_ name: String, _ scenario: Scenario) async throws -> JSONValue {
        let rows = try JSONValue.object(try await scenario.client("machines", "--json"))["machines"]?.array ?? []
        return try #require(rows.first { $0["name"]?.string == name })
    }

    /// Far behind the image's end.
    private static let place = 200

    private func write(_ letter: String, _ session: SessionStatus, _ scenario: Scenario) async throws {
        let done = try await scenario.attempt(
            "ssh", session.id, "echo \(letter) | dd of=/dev/vda bs=1M seek=\(Self.place) conv=fsync && sync")
        #expect(done.status == 0, "\(done.error)")
    }

    private func letter(_ session: SessionStatus, _ scenario: Scenario) async throws -> String {
        let answer = try await scenario.attempt(
            "ssh", session.id, "dd if=/dev/vda bs=1M skip=\(Self.place) count=1 2> /dev/null | head -c 1")
        return answer.output
    }

    private func exportedLetter(_ path: String) throws -> UInt8? {
        let finished = try ChildProcess.run(
            "/usr/bin/qemu-io", ["-r", "-f", "qcow2", "-c", "read -v \(Self.place)M 512", path])
        let line = String(decoding: finished.output, as: UTF8.self).split(separator: "\n").first ?? ""
        return line.split(separator: " ").dropFirst().first.flatMap { UInt8($0, radix: 16) }
    }

    /// QEMU's disk is the chain that the description names, and what lies under the topmost layer is the session's user's to read, and nobody else's.
    private func expectGraph(of session: SessionStatus, layers: Int, _ scenario: Scenario) async throws {
        let domain = try #require(try await scenario.sessions().first { $0.id == session.id }?.domain)
        let answer = try await BuiltProgram.runAny(
            "virsh",
            ["-c", domain.uri, "qemu-monitor-command", domain.name, #"{"execute":"query-named-block-nodes"}"#])
        let nodes = try JSONValue.object(answer.stdout)["return"]?.array ?? []
        let formats = nodes.filter { ["qcow2", "raw"].contains($0["drv"]?.string) }
        #expect(formats.count { $0["drv"]?.string == "qcow2" } == layers, "\(answer.stdout)")
        let overlays = scenario.folder.path("state/oscircular/overlays")
        let files = Set(nodes.filter { $0["drv"]?.string == "file" }.compactMap { $0["file"]?.string })
        let expected = ["\(overlays)/\(session.id).qcow2", "\(overlays)/\(session.id).layers/0.qcow2", session.mount]
        for path in expected.compactMap(\.self) { #expect(files.contains(path), "\(path) in \(files)") }
        // The topmost one reaches the image through all of them.
        let depths = nodes.filter { $0["drv"]?.string == "qcow2" }.compactMap { $0["backing_file_depth"]?.integer }
        #expect(depths.max() == layers, "\(answer.stdout)")
        #expect(nodes.filter { $0["drv"]?.string == "qcow2" && $0["ro"] == .boolean(false) }.count == 1)

        let folder = "\(overlays)/\(session.id).layers"
        guard geteuid() == 0, let owner = try Paths.status(folder)?.owner else { return }
        let neighbour: UserID = owner == 61_184 ? 61_185 : owner - 1
        for (user, mayRead) in [(owner, true), (neighbour, false)] {
            let read = try await BuiltProgram.runAny(
                "setpriv", ["--reuid=\(user)", "--clear-groups", "head", "-c", "1", "\(folder)/0.qcow2"])
            #expect((read.status == 0) == mayRead, "as \(user): \(read.stderr)")
            let write = try await BuiltProgram.runAny(
                "setpriv", ["--reuid=\(user)", "--clear-groups", "truncate", "-c", "-s", "+0", "\(folder)/0.qcow2"])
            #expect(write.status != 0)
            let list = try await BuiltProgram.runAny(
                "setpriv",
                ["--reuid=\(user)", "--clear-groups", "ls", scenario.folder.path("state/oscircular/machines/work")])
            #expect(list.status != 0)
        }
    }
}
