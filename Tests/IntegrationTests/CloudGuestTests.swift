import Boot
import Glibc
import Linux
import TestSupport
import Testing

/// A Debian as a vendor would publish it, where nobody can log in before its seed has been read; in emulation.
@Suite(
    .serialized,
    .enabled(
        if: LibvirtDaemon.isReady() && geteuid() == 0 && ProgramPath.find("mmdebstrap") != nil,
        "a cloud image needs what a guest needs, root, and mmdebstrap (share/install-packages demo)"))
struct CloudGuestTests {
    @Test(.timeLimit(.minutes(20)))
    func aCloudImageLearnsWhoMayLogIn() async throws {
        let image = try await CloudImage.make()
        try await Scenario.with(images: [("2026-11-16", try await TinyGuest.image())]) { scenario in
            try await scenario.publisher(
                "add", scenario.tree, "cloud", "2026-11-30", image, "--seed", "nocloud", "--user", "debian", "--memory",
                "512", "--cpu-level", "x86-64-v2")
            try await scenario.client("catalog", "refresh")
            // The user's own part puts another key where ours has the session's; that is there all the same.
            let other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAF0r9L3Z5DmoavN9NQ/7RiA7BJLDVXkWcG65vHZ4JS3 other"
            let own = scenario.folder.path("own")
            try AtomicFile.write(
                "#cloud-config\nssh_authorized_keys: [\(other)]\nwrite_files:\n- {path: /etc/own, content: obeyed}\n",
                to: own)
            let session = try await scenario.boot("cloud", "--user-data", own, "--home", "work")
            let password = try await scenario.client("password", session.id).trimmed
            #expect(password.count == 12)
            try await expectSecret(password, session, scenario)

            _ = try await scenario.console(of: session, shows: "login:", within: 300)
            let status = try await login(session, scenario)
            #expect(status.output.contains("status: done"), "\(status.output) \(status.error)")
            let facts = try await scenario.attempt(
                "ssh", session.id,
                "id -un; cat /etc/own; echo; sudo cat /var/lib/cloud/data/instance-id; hostname; cat /run/cloud-init/result.json; "
                    + "sudo sshd -T | grep -i '^passwordauth'; lsblk -n -d -o NAME,RO; id -u debian; "
                    + "findmnt -n -o OPTIONS --target .; sudo grep -c oscircular-host ~debian/.ssh/authorized_keys")
            let lines = facts.output.split(separator: "\n")
            // The home's user, who is not the system's own.
            #expect(lines.prefix(4) == ["user", "obeyed", "oscircular-\(session.id)", "cloud"], "\(facts)")
            #expect(facts.output.contains("nosuid,nodev") && facts.output.contains("\n1001\n"), "\(facts)")
            #expect(lines.last == "1", "the system's own user can log in as ever: \(facts)")
            #expect(facts.output.contains("DataSourceNoCloud") && facts.output.contains("\"errors\": []"), "\(facts)")
            #expect(facts.output.contains("passwordauthentication no"), "\(facts)")
            #expect(facts.output.contains("vdb   1"), "\(facts)")
            let schema = try await scenario.attempt("ssh", session.id, "sudo cloud-init schema --system")
            #expect(schema.status == 0, "\(schema)")
            // To the host: the key is root's.
            let host = try await scenario.attempt(
                "ssh", session.id, "sudo ssh -o BatchMode=yes -l root 10.0.2.2 'echo on the host'")
            #expect(host.output == "on the host\n", "\(host.error)")
            // Root's login on the tiny guest is as ever.
            try await expectConsoleLogin(password, session, scenario)
            try await expectSecret(password, session, scenario)
            try await scenario.client("stop", session.id, "--force")
            #expect(Folder.namesIfAny(in: scenario.folder.path("run/oscircular/sessions")).isEmpty)
            #expect(try await scenario.attempt("password", session.id).status == 66)
        }
    }

    @Test func aGuestWithoutASeedHasNoPasswordAndIsStartedAsEver() async throws {
        try await Scenario.with(images: [("2026-11-16", try await TinyGuest.image())]) { scenario in
            let refused = try await scenario.attempt(
                "boot", "tiny", "--detach", "--accel", "tcg", "--user-data", "/etc/hostname")
            #expect(refused.status == 65, "\(refused)")
            #expect(refused.error.contains("asks for none"), "\(refused)")
            let session = try await scenario.boot("tiny")
            let answer = try await scenario.attempt("password", session.id)
            #expect(answer.status == 66 && answer.output.isEmpty, "\(answer)")
            let xml = try await BuiltProgram.runAny(
                "virsh", ["-c", LibvirtDaemon.uri, "dumpxml", "oscircular-\(session.id)"])
            #expect(!xml.stdout.contains("vdb") && !xml.stdout.contains("smbios"), "\(xml)")
            try await scenario.client("stop", session.id, "--force")
        }
    }

    /// Waits until ssh lets us in, and cloud-init has ended.
    private func login(
        _ session: SessionStatus, _ scenario: Scenario
    ) async throws -> (status: Int32, output: String, error: String) {
        for _ in 0..<60 {
            let answer = try await scenario.attempt("ssh", session.id, "cloud-init status --wait")
            if answer.status != 255 { return answer }
            try await Task.sleep(for: .seconds(2))
        }
        return try await scenario.attempt("ssh", session.id, "cloud-init status --wait")
    }

    /// The clear password is in its own file, and nowhere else.
    private func expectSecret(_ password: String, _ session: SessionStatus, _ scenario: Scenario) async throws {
        let found = try await BuiltProgram.runAny(
            "grep",
            ["-rlFs", "--devices=skip", "--exclude-dir=mount", "--exclude-dir=cache", password, scenario.folder.path])
        let own = scenario.folder.path("run/oscircular/sessions/\(session.id)/password")
        #expect(found.stdout.split(separator: "\n") == [Substring(own)])
        #expect(try Paths.status(own)?.permissions == 0o600)
        for arguments in [["list", "--json"], ["sessions", "--json"], ["list"], ["sessions"]] {
            let shown = try await BuiltProgram.run("oscircular", arguments, environment: scenario.environment)
            #expect(shown.status == 0 && !(shown.stdout + shown.stderr).contains(password), "\(arguments)")
        }
        let xml = try await BuiltProgram.runAny(
            "virsh", ["-c", LibvirtDaemon.uri, "dumpxml", "--security-info", "oscircular-\(session.id)"])
        #expect(xml.status == 0 && !xml.stdout.contains(password) && !xml.stdout.contains("$6$"))
        // Those who could have it; a stranger's process that waits for its own disk would keep us waiting.
        let names = ["oscircular", "qemu", "libvirt", "ssh", "bwrap", "virsh"]
        for pid in Folder.namesIfAny(in: "/proc").filter({ ProcessID($0) != nil }) {
            // One that has ended has no name.
            let name = (try? FileContents.readText("/proc/\(pid)/comm", limit: 64)) ?? ""
            guard names.contains(where: name.hasPrefix) else { continue }
            // One that has ended has neither.
            for file in ["cmdline", "environ"] where pid != String(getpid()) {
                // As above.
                let text = (try? FileContents.readText("/proc/\(pid)/\(file)", limit: 1 << 20)) ?? ""
                #expect(!text.contains(password), "\(pid) \(file)")
            }
        }
        let logs = try await BuiltProgram.runAny(
            "grep", ["-rlFs", "--devices=skip", password, "/var/log/libvirt", "/run/libvirt"])
        #expect(logs.stdout.isEmpty, "\(logs)")
    }

    /// As somebody who types at the serial console.
    private func expectConsoleLogin(_ password: String, _ session: SessionStatus, _ scenario: Scenario) async throws {
        let socket = scenario.folder.path("run/oscircular/sessions/\(session.id)/console")
        let console = try UnixListener.connect(to: socket)
        func type(_ text: String, until word: String) async throws {
            try Array("\(text)\r".utf8).withUnsafeBytes { try console.write($0) }
            _ = try await scenario.console(of: session, shows: word, within: 120)
        }
        try await type("", until: "login:")
        try await type("debian", until: "Password:")
        try await type(password, until: "debian@cloud")
        try await type("echo \"user $(id -un), $(sudo -n id -un)\"", until: "user debian, root")
    }
}

/// The museum's Debian with cloud-init, built once for all test runs of this machine.
enum CloudImage {
    /// - Returns: the path of the disk. It must not be written to.
    static func make() async throws -> String {
        // As root QEMU runs as a user of its own, which cannot look into root's home.
        let image = "/var/cache/oscircular-test/cloud-debian/disk-2.raw"
        var script = Substring(#filePath)
        for _ in 0..<2 { script = script.prefix(upTo: script.lastIndex(of: "/") ?? script.startIndex) }
        let built = try await BuiltProgram.runAny(
            "\(script)/Museum/build-cloud-debian", [image], within: .seconds(840))
        guard built.status == 0 else { throw Scenario.Failure("build-cloud-debian: \(built.status): \(built.stderr)") }
        return image
    }
}

extension String {
    fileprivate var trimmed: String { filter { !$0.isWhitespace } }
}
