import Boot
import Glibc
import Linux
import TestSupport
import Testing

/// Long: five clones at once of a whole Debian's template, and of a cloud image's, whose seed alone knows how to be one. `make drill` runs it.
@Suite(
    .serialized,
    .enabled(
        if: getenv("OSCIRCULAR_DRILL") != nil && LibvirtDaemon.isReady() && geteuid() == 0
            && ProgramPath.find("mmdebstrap") != nil,
        "only in 'make drill', as root, with libvirt and mmdebstrap"))
struct WarmClonesDrillTests {
    private static let settings = "[guest]\naccel = \"tcg\"\n\n[warm]\nmake = \"never\"\n"

    /// What clones have of their own, a line each; then their time.
    private static let own = """
        sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
        head -c 16 /dev/urandom | base64; cat /etc/machine-id; cat /etc/ssh/ssh_host_ed25519_key.pub; hostname
        $sudo stat -c '%a %U %G' /etc/shadow; date +%s; systemctl is-system-running --wait
        """

    private static var script: String {
        var path = Substring(#filePath)
        for _ in 0..<3 { path = path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex) }
        return path + "/share/park/build"
    }

    /// Waits for what a clone says of itself over ssh.
    private func facts(_ session: SessionStatus, _ scenario: Scenario) async throws -> [Substring] {
        var seen = (status: Int32(-1), output: "", error: "")
        _ = try await eventually(within: .seconds(180)) {
            seen = try await scenario.attempt("ssh", session.id, Self.own)
            return seen.output.split(separator: "\n").count == 7
        }
        let lines = seen.output.split(separator: "\n")
        try #require(lines.count == 7, "\(seen)")
        #expect(abs((Int(lines[5]) ?? 0) - WallClock.seconds) <= 5, "\(lines)")
        #expect(lines[4] == "640 root shadow", "\(lines)")
        #expect(lines[6] == "running", "\(lines)")
        return lines
    }

    private func expectFiveSystems(_ name: String, _ scenario: Scenario) async throws -> [SessionStatus] {
        print(try await scenario.client("fetch", "--warm", name))
        let sessions = try await withThrowingTaskGroup(of: SessionStatus.self) { group in
            for _ in 0..<5 { group.addTask { try await scenario.boot(name) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(sessions.allSatisfy { $0.start == .warm }, "\(sessions)")
        var found: [[Substring]] = []
        for session in sessions { found.append(try await facts(session, scenario)) }
        for (part, what) in ["random bytes", "machine id", "host key"].enumerated() {
            #expect(Set(found.map { $0[part] }).count == 5, "\(what): \(found)")
        }
        for session in sessions {
            let log = try FileContents.readText(session.consoleLog, limit: 1 << 20)
            #expect(log.contains("OSCIRCULAR-AWAKE") && !log.contains("Linux version"), "\(log)")
        }
        return sessions
    }

    @Test(.timeLimit(.minutes(30)))
    func fiveClonesOfADebianAreFiveSystems() async throws {
        let images = try await DebianImages.make()
        let memory = ["--memory", "512", "--park"]
        try await Scenario.with(
            images: [(version: "2026-11-23", path: images.newer)], options: memory, configuration: Self.settings
        ) { scenario in
            let sessions = try await expectFiveSystems("tiny", scenario)
            for session in sessions {
                let host = try await scenario.attempt(
                    "ssh", session.id, "ssh -o BatchMode=yes -l root 10.0.2.2 'echo on the host'")
                #expect(host.output == "on the host\n", "\(host.error)")
            }
            // The press that woke it ended nothing; one more does, by the system's own will.
            try await scenario.client("stop", sessions[0].id)
            let log = try FileContents.readText(sessions[0].consoleLog, limit: 16 << 20)
            #expect(log.contains("Power down") || log.contains("Powering Off") || log.contains("power-off"))
        }
    }

    @Test(.timeLimit(.minutes(30)))
    func fiveClonesOfACloudImageAreFiveSystems() async throws {
        let image = try await CloudImage.make()
        // A debugging build has it beside it.
        let program = BuiltProgram.path("oscircular")
        let helper = "\(program.prefix(upTo: program.lastIndex(of: "/") ?? program.startIndex))/park-x86_64"
        let built = try await BuiltProgram.runAny(Self.script, [helper, "x86_64"])
        try #require(built.status == 0, "\(built.stderr)")
        try await Scenario.with(
            images: [("2026-11-16", try await TinyGuest.image())], configuration: Self.settings
        ) { scenario in
            try await scenario.publisher(
                "add", scenario.tree, "cloud", "2026-11-30", image, "--seed", "nocloud", "--user", "debian", "--memory",
                "512")
            try await scenario.client("catalog", "refresh")
            let sessions = try await expectFiveSystems("cloud", scenario)
            var passwords: Set<String> = []
            for session in sessions {
                // ssh's user is the image's own; root's key leads to the host.
                let who = try await scenario.attempt(
                    "ssh", session.id,
                    "id -un; sudo ssh -o BatchMode=yes -l root 10.0.2.2 'echo on the host'; sudo cat /etc/shadow")
                let lines = who.output.split(separator: "\n")
                #expect(lines.prefix(2) == ["debian", "on the host"], "\(who)")
                let hashes = lines.filter { $0.hasPrefix("debian:$6$") }
                #expect(hashes.count == 1, "the console has a password: \(who)")
                let password = try await scenario.client("password", session.id)
                passwords.insert(password)
            }
            #expect(passwords.count == 5)
        }
    }
}
