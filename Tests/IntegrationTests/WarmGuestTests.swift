import Boot
import FoundationEssentials
import Glibc
import Linux
import TestSupport
import Testing

/// Guests that start warm with the real thing: libvirt, QEMU, the tiny guest that parks.
@Suite(.serialized, .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)))
struct WarmGuestTests {
    private static let settings = "[guest]\naccel = \"tcg\"\n\n[warm]\nmake = \"never\"\n"

    /// A user who has a warm state of `tiny`.
    private func withState(_ body: (Scenario) async throws -> Void) async throws {
        let image = try await TinyGuest.image()
        try await Scenario.with(
            images: [("2026-11-16", image)], options: ["--park"], configuration: Self.settings
        ) { scenario in
            print(try await scenario.client("fetch", "--warm", "tiny"))
            try await body(scenario)
        }
    }

    private func state(_ scenario: Scenario) throws -> String {
        let folder = scenario.folder.path("cache/oscircular/warm")
        let names = Folder.namesIfAny(in: folder).filter { $0.utf8.count == 32 }
        return "\(folder)/\(try #require(names.first))"
    }

    /// Waits until the console has answered.
    private func answered(_ session: SessionStatus, _ scenario: Scenario) async throws -> SessionStatus {
        for _ in 0..<300 {
            if let now = try await scenario.sessions().first(where: { $0.id == session.id }), now.startSeconds != nil {
                return now
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw ScenarioFailure("the console did not answer: \(try await scenario.sessions())")
    }

    @Test(.timeLimit(.minutes(8)))
    func aGuestThatStartsWarmIsAsOneThatBooted() async throws {
        try await withState { scenario in
            let folder = try scenario.folder.makeFolder("shared")
            try Paths.setPermissions(folder, 0o755)
            try AtomicFile.write("of the host\n", to: "\(folder)/hello", mode: 0o644)
            // Whose the folder is: nobody's of this machine.
            try Paths.setOwner(folder, 61_500, 61_500)
            try Paths.setOwner("\(folder)/hello", 61_500, 61_500)
            let session = try await scenario.boot("tiny", "--home", "work", "--share", folder)
            #expect(session.start == .warm && session.home == "work", "\(session)")
            let now = try await answered(session, scenario)
            print("warm: answered after \(now.startSeconds ?? 0) s")
            #expect(now.startSeconds.map { $0 < 10 } == true)
            let log = try await scenario.console(of: session, shows: "OSCIRCULAR-AWAKE")
            #expect(!log.contains("READY"), "it has not booted")
            try await expectAll(of: session, scenario)
            #expect(now.state == .running && now.lastError == nil, "\(now)")

            // Its disk is its own.
            try await write(session, scenario)

            // Suspended, it goes on with all that it had.
            try await scenario.client("suspend", session.id)
            try Folder.removeTree(scenario.folder.path("cache/oscircular/warm"))
            let output = try await Scenario.succeed(
                "oscircular", ["resume", session.id, "--detach", "--json"], scenario.environment)
            let again = try JSONDecoder().decode(SessionStatus.self, from: Data(output.utf8))
            #expect(again.start == nil && again.home == "work")
            try await expectAll(of: again, scenario)
            let letter = try await scenario.runAsRoot(
                "dd if=/dev/vda bs=512 skip=120000 count=1 2> /dev/null | head -c 1", again)
            #expect(letter.output == "a")
            try await scenario.client("stop", session.id, "--force")
            #expect(Folder.namesIfAny(in: scenario.folder.path("state/oscircular/overlays")) == [])
            #expect(try await scenario.attempt("homes", "check", "work").status == 0)
        }
    }

    private func expectAll(of session: SessionStatus, _ scenario: Scenario) async throws {
        let there = await eventually(within: .seconds(60)) {
            let seen = try? await scenario.runAsRoot("grep ' /home/' /proc/mounts && cat /mnt/host/hello", session)
            return seen?.status == 0 && seen?.output.contains("of the host") == true
        }
        #expect(there, "home and folder are where they belong")
        let back = try await scenario.runAsRoot("ssh -o BatchMode=yes -l root 10.0.2.2 'echo to the host'", session)
        #expect(back.output == "to the host\n", "\(back.error)")
        let time = try await scenario.runAsRoot("date +%s", session)
        let difference = (Int(time.output.filter { $0 != "\n" }) ?? 0) - WallClock.seconds
        #expect(abs(difference) <= 2, "the clock is \(difference) seconds off")
    }

    /// What five guests of one state have of their own.
    private static let own = """
        head -c 16 /dev/urandom | base64; cat /etc/machine-id; dropbearkey -y -f /run/dropbear/key | grep ^ssh-; date +%s
        """

    @Test(.timeLimit(.minutes(8)))
    func fiveClonesAtOnceAreFiveSystems() async throws {
        try await withState { scenario in
            let sessions = try await withThrowingTaskGroup(of: SessionStatus.self) { group in
                for _ in 0..<5 { group.addTask { try await scenario.boot("tiny") } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(sessions.allSatisfy { $0.start == .warm }, "\(sessions)")
            // Used up by nobody: cleared while they run, they run on.
            try await scenario.client("cache", "clear")
            var found: [[Substring]] = []
            for session in sessions {
                var lines: [Substring] = []
                _ = try await eventually(within: .seconds(60)) {
                    lines = try await scenario.runAsRoot(Self.own, session).output.split(separator: "\n")
                    return lines.count == 4
                }
                try #require(lines.count == 4, "\(lines)")
                let time = try #require(Int(lines[3]))
                #expect(abs(time - WallClock.seconds) <= 2, "\(time)")
                found.append(lines)
            }
            for (part, what) in ["random bytes", "machine id", "host key"].enumerated() {
                #expect(Set(found.map { $0[part] }).count == 5, "\(what): \(found)")
            }
        }
    }

    @Test(.timeLimit(.minutes(8)))
    func whatDoesNotFitBootsAndIsSaid() async throws {
        try await withState { scenario in
            let state = try state(scenario)
            let record = "\(state)/record.json"
            let text = try FileContents.readText(record, limit: 1 << 20)

            func expectBoot(_ words: String?, _ options: [String] = []) async throws -> Double {
                let begun = ContinuousClock.now
                let result = try await BuiltProgram.run(
                    "oscircular", ["boot", "tiny", "--detach", "--json"] + options, environment: scenario.environment)
                let took = ContinuousClock.now - begun
                #expect(result.status == 0, "\(result.stderr)")
                let session = try JSONDecoder().decode(SessionStatus.self, from: Data(result.stdout.utf8))
                #expect(session.start == .booted, "\(session)")
                #expect(words.map { result.stderr.contains($0) } ?? !result.stderr.contains("warm"), "\(result.stderr)")
                _ = try await scenario.console(of: session, shows: "READY")
                // Its network is one, whatever guest was there before.
                let back = try await scenario.runAsRoot("ssh -o BatchMode=yes -l root 10.0.2.2 'echo there'", session)
                #expect(back.output == "there\n", "\(back.error)")
                try await scenario.client("stop", session.id, "--force")
                return Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
            }
            let cold = try await expectBoot(nil, ["--cold"])
            // Other settings have no state.
            _ = try await expectBoot(nil, ["--memory", "192"])
            try AtomicFile.write(
                text.replacing("\"xmlVersion\" : ", with: "\"xmlVersion\" : 9"), to: record, mode: 0o600)
            let seen = try await expectBoot("another release")
            try AtomicFile.write(text.replacing("\"pc-q35-", with: "\"pc-q35-9"), to: record, mode: 0o600)
            let refused = try await expectBoot("pc-q35-9")
            try AtomicFile.write(text, to: record, mode: 0o600)
            let memory = try FileHandle("\(state)/memory", for: .both)
            let sound = try FileContents.read("\(state)/memory", limit: 1 << 30)
            try [UInt8](repeating: 7, count: 64).withBytes { (bytes) throws(SystemCallError) in
                try memory.write(bytes, at: 300_000)
            }
            let flipped = try await expectBoot("the warm state is not used")
            print("boots begin after \(cold) cold, \(seen) by record, \(refused) by QEMU, \(flipped) by its bytes")
            #expect(seen - cold < 1 && refused - cold < 3)
            // Sound again, it is used.
            try sound.withBytes { (bytes) throws(SystemCallError) in try memory.write(bytes, at: 0) }
            let warm = try await scenario.boot("tiny")
            #expect(warm.start == .warm)
            try await scenario.client("stop", warm.id, "--force")
        }
    }

    @Test(.timeLimit(.minutes(8)))
    func aMachineStartsWarmTheFirstTimeAndHasItsOwnDisk() async throws {
        try await withState { scenario in
            let first = try await scenario.boot("tiny", "--keep", "work")
            #expect(first.start == .warm && first.machine == "work")
            try await write(first, scenario)
            try await scenario.client("stop", first.id, "--force")
            // What it lies on is its own.
            try await scenario.client("cache", "clear")
            try await scenario.client("machines", "snapshot", "work", "s")
            let output = try await Scenario.succeed(
                "oscircular", ["machines", "start", "work", "--detach", "--json", "--accel", "tcg"],
                scenario.environment)
            let second = try JSONDecoder().decode(SessionStatus.self, from: Data(output.utf8))
            #expect(second.start == .booted)
            _ = try await scenario.console(of: second, shows: "READY")
            let letter = try await scenario.runAsRoot(
                "dd if=/dev/vda bs=512 skip=120000 count=1 2> /dev/null | head -c 1", second)
            #expect(letter.output == "a")
        }
    }

    /// A letter behind the guest's file systems. Its ssh server has a new key first.
    private func write(_ session: SessionStatus, _ scenario: Scenario) async throws {
        let isWritten = await eventually(within: .seconds(30)) {
            let done = try? await scenario.runAsRoot(
                "echo a | dd of=/dev/vda bs=512 seek=120000 conv=fsync && sync", session)
            return done?.status == 0
        }
        #expect(isWritten)
    }
}
