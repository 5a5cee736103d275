import Boot
import GuestNetwork
import Linux
import TestSupport
import Testing

/// A guest that sees a folder of its host: what it can do there, what it cannot, and what is said of it.
@Suite(
    .serialized, .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)),
    .enabled(if: FolderServer.isInstalled, "NOT TESTED: virtiofsd is missing"))
struct ShareGuestTests {
    /// Whose the folder is: nobody's of this machine.
    private static let owner: UserID = 61_500

    /// Waits until the session says this of its folder.
    private func share(
        of session: SessionStatus, in scenario: Scenario, until isSo: (SessionStatus.Share) -> Bool
    ) async throws -> SessionStatus.Share? {
        for _ in 0..<300 {
            let share = try await scenario.sessions().first { $0.id == session.id }?.share
            if let share, isSo(share) { return share }
            try await Task.sleep(for: .milliseconds(200))
        }
        return try await scenario.sessions().first { $0.id == session.id }?.share
    }

    private func makeFolder(in scenario: Scenario) throws -> String {
        let path = try scenario.folder.makeFolder("my share, readonly=on 'x\"")
        try Paths.setPermissions(path, 0o755)
        for (name, mode) in [("hello", FilePermissions(0o644)), ("secret", 0o600)] {
            try AtomicFile.write("\(name) of the host\n", to: "\(path)/\(name)", mode: mode)
        }
        // Links that lead out of it, by root and by steps.
        try Paths.makeLink("\(path)/passwd", to: "/etc/passwd")
        try Paths.makeLink("\(path)/steps", to: "../../../../../../etc/passwd")
        try Paths.setOwner(path, Self.owner, Self.owner)
        try Paths.setOwner("\(path)/hello", Self.owner, Self.owner)
        return path
    }

    @Test(.timeLimit(.minutes(5)))
    func seesAFolderAndNothingBesideIt() async throws {
        let image = try await TinyGuest.image()
        try await Scenario.with(images: [("2026-11-16", image)]) { scenario in
            let path = try makeFolder(in: scenario)
            try Paths.makeLink(scenario.folder.path("link"), to: path)
            let session = try await scenario.boot("tiny", "--share", scenario.folder.path("link"))
            #expect(session.share?.path == path, "what a link leads to is shown")
            let mounted = try await share(of: session, in: scenario) { $0.state != .waiting }
            #expect(mounted?.state == .mounted && mounted?.at == "/mnt/host", "\(String(describing: mounted))")
            #expect(mounted?.user == "\(Self.owner)", "never root's rights")
            #expect(try await scenario.client("sessions").contains("folder \(path) at /mnt/host"))
            func run(_ command: String) async throws -> String {
                let result = try await scenario.attempt("ssh", session.id, "cd /mnt/host && { \(command); } 2>&1")
                return result.output
            }
            #expect(try await run("cat hello") == "hello of the host\n")
            // The user who shares it may not read this.
            #expect(try await run("cat secret").contains("Permission denied"))
            // A link is the guest's to follow, and leads to what the guest has.
            let own = try await run("cat /etc/passwd")
            for link in ["passwd", "steps"] { #expect(try await run("cat \(link)") == own) }
            #expect(own.hasPrefix("root:x:0:0:root:/root:/bin/sh\n") && !own.contains("libvirt"))
            #expect(try await run("ls ..").contains("host"))

            // What the guest makes is the user's, with the rights that it says.
            _ = try await run(
                "umask 022; echo guest > made; chmod 755 made; mkdir -p a/b; ln -s made soft; ln made hard; mv hello moved"
            )
            let made = try #require(try Paths.statusOfName("\(path)/made"))
            #expect(made.owner == Self.owner && made.group == Self.owner && made.permissions == 0o755)
            #expect(try Paths.target(ofLink: "\(path)/soft") == "made")
            #expect(try Paths.statusOfName("\(path)/moved") != nil)
            #expect(try await run("stat -c %u made") == "1000\n", "the usual first user of a guest has it")
            // An owner is nothing that the guest can give, and nothing that stops it.
            #expect(try await run("chown 12 made && echo so") == "so\n")
            #expect(try Paths.statusOfName("\(path)/made")?.owner == Self.owner)

            // Nobody gets rights from what it makes.
            for command in ["chmod u+s made", "chmod g+s made", "mknod disk b 8 0", "mknod memory c 1 1"] {
                #expect(try await run("\(command) && echo done").contains("not permitted"), "\(command)")
            }
            _ = try await run("cp made set; chmod 4755 set; mkdir -m 2755 group; cp -p /bin/busybox .")
            for name in ["made", "set", "group", "busybox", "disk", "memory"] {
                let status = try Paths.statusOfName("\(path)/\(name)")
                #expect((status?.permissions ?? 0) & 0o6000 == 0, "\(name)")
                #expect(status?.kind != .blockDevice && status?.kind != .characterDevice, "\(name)")
            }
            let mount = try await run("grep ' /mnt/host ' /proc/mounts")
            #expect(["virtiofs", "nosuid", "nodev"].allSatisfy(mount.contains), "\(mount)")

            // It goes away under the guest, which lives on.
            try Folder.removeTree(path)
            let gone = try await share(of: session, in: scenario) { $0.trouble != nil }
            #expect(gone?.trouble?.contains("was removed or replaced") == true, "\(String(describing: gone))")
            #expect(try await run("echo lives; echo x > new").contains("lives"))
            #expect(try !Paths.isThere(path), "and nothing of it comes back")
            try await scenario.client("stop", session.id, "--force")
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func aSuspendedGuestGoesOnWithoutAFolderThatIsGone() async throws {
        let image = try await TinyGuest.image()
        try await Scenario.with(images: [("2026-11-16", image)]) { scenario in
            let path = try makeFolder(in: scenario)
            let session = try await scenario.boot("tiny", "--share", path)
            _ = try await share(of: session, in: scenario) { $0.state != .waiting }
            let suspended = try await scenario.attempt("suspend", session.id)
            #expect(suspended.status == 0, "\(suspended.error)")
            try Folder.removeTree(path)
            let refused = try await scenario.attempt("resume", session.id, "--detach")
            #expect(refused.status != 0 && refused.error.contains("there is no folder \(path)"), "\(refused.error)")
            #expect(refused.error.contains("'oscircular resume --share '' \(session.id)'"), "\(refused.error)")
            let without = try await scenario.attempt("resume", session.id, "--share", "", "--detach")
            #expect(without.status == 0, "\(without.error)")
            let lives = try await scenario.attempt("ssh", session.id, "echo lives")
            #expect(lives.output == "lives\n", "\(lives.error)")
            try await scenario.client("stop", session.id, "--force")
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func aFolderForReadingStaysAsItIsAndOtherFoldersAreRefused() async throws {
        let image = try await TinyGuest.image()
        try await Scenario.with(images: [("2026-11-16", image)]) { scenario in
            func refusal(_ options: String...) async throws -> (status: Int32, error: String) {
                let arguments = ["boot", "tiny", "--detach", "--accel", "tcg"] + options
                let result = try await BuiltProgram.run("oscircular", arguments, environment: scenario.environment)
                return (result.status, result.stderr)
            }
            let path = try makeFolder(in: scenario)
            for (folder, status, words) in [
                ("/", 77, "it is all of this machine"), (scenario.folder.path("none"), 66, "there is no folder"),
                ("\(path)/hello", 66, "is not a folder"), ("/a\u{1B}b", 64, "control characters"),
                (scenario.folder.path("state/oscircular"), 77, "is not shared"),
            ] {
                let refused = try await refusal("--share", folder)
                #expect(refused.status == Int32(status) && refused.error.contains(words), "\(folder): \(refused)")
            }
            // One that its user cannot write to can be read.
            try Paths.setPermissions(path, 0o555)
            let readOnly = try await refusal("--share", path)
            #expect(readOnly.status == 77 && readOnly.error.contains("':ro'"), "\(readOnly)")

            // The settings give it one, and the line takes the network away.
            let quoted = path.map { $0 == "\"" ? "\\\"" : "\($0)" }.joined()
            try scenario.folder.write(
                Array(
                    """
                    [system."test/tiny"]
                    share = "\(quoted):ro"
                    [vendors]
                    enabled = false

                    """.utf8), to: "config/oscircular/config.toml")
            let session = try await scenario.boot("tiny", "--network", "none", "--share", "\(path):ro")
            let mounted = try await share(of: session, in: scenario) { $0.state != .waiting }
            #expect(mounted?.state == .mounted && mounted?.readOnly == true, "\(String(describing: mounted))")
            let tried = try await scenario.attempt(
                "ssh", session.id,
                "cd /mnt/host; cat hello; mount -o remount,rw /mnt/host; { echo x > new; rm hello; } 2>&1")
            #expect(tried.output.hasPrefix("hello of the host\n"), "\(tried)")
            #expect(tried.output.contains("Read-only file system"), "the guest has no say in it: \(tried)")
            #expect(try Folder.names(in: path).sorted() == ["hello", "passwd", "secret", "steps"])
            try await scenario.client("stop", session.id, "--force")

            let without = try await scenario.boot("tiny", "--network", "none")
            #expect(without.share == nil, "what is only set is not given to a guest without a network")
            try await scenario.client("stop", without.id, "--force")
        }
    }
}
