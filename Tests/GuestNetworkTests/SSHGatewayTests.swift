import Glibc
import Linux
import TestSupport
import Testing

@testable import GuestNetwork

@Suite(
    .serialized,
    .enabled(
        if: HostProgram.allCases.allSatisfy { (try? $0.path()) != nil },
        "SKIPPED: needs openssh-server, openssh-client, bubblewrap and util-linux"))
struct SSHGatewayTests {
    private static let isRoot = geteuid() == 0

    @Test func logsInAsRootAndAsTheUsersOwnName() async throws {
        try await BlockingThread.run {
            let fixture = try SSHFixture()
            let user = fixture.gateway.user
            for name in ["root", user.loginName] {
                #expect(try fixture.ssh(name, "echo $((6*7)); id -u; pwd") == "42\n\(user.uid)\n/exchange\n")
            }
            #expect(try fixture.ssh("root", "exit 7", expecting: 7) == "")
            // A terminal, as an interactive login has.
            #expect(try fixture.ssh("root", "test -t 0 && echo terminal", options: ["-tt"]).hasPrefix("terminal"))
        }
    }

    @Test func neverGivesRealRoot() async throws {
        try await BlockingThread.run {
            let fixture = try SSHFixture()
            let uid = fixture.gateway.user.uid
            #expect(uid != 0)
            let status = try fixture.ssh("root", "grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs):' /proc/self/status")
            #expect(status.contains("Uid:\t\(uid)\t\(uid)\t\(uid)\t\(uid)"))
            #expect(status.contains("CapEff:\t0000000000000000"))
            #expect(status.contains("NoNewPrivs:\t1"))
            #expect(
                try fixture.ssh("root", "echo x > /proc/sys/kernel/core_pattern || echo refused").contains("refused"))
        }
    }

    @Test func sharesTheExchangeFolderAndNothingElse() async throws {
        try await BlockingThread.run {
            let fixture = try SSHFixture()
            try AtomicFile.write("from the host\n", to: fixture.exchange + "/in", mode: 0o644)
            #expect(
                try fixture.ssh("root", "cat in; echo from the guest > out; test -w . && echo writable")
                    == "from the host\nwritable\n")
            #expect(
                try FileContents.readText(fixture.exchange + "/out", limit: 65_536) == "from the guest\n")

            let seen = try fixture.ssh("root", "ls -A / | tr '\\n' ' '; ls -A /run /var /tmp | tr -d '\\n'")
            let names = Set(seen.split(separator: "/")[0].split(separator: " ").map(String.init))
            #expect(
                names.isSubset(of: [
                    "bin", "dev", "etc", "exchange", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "tmp",
                    "usr", "var",
                ]))
            #expect(!names.contains("home") && !names.contains("root"))
            #expect(seen.hasSuffix("/run:/tmp:/var:empty"), "\(seen)")
            for path in ["/etc/shadow-", "/etc/ssh", "/root", "/home", fixture.folder.path, "/etc/machine-id"] {
                #expect(try fixture.ssh("root", "test -e \(path) || echo absent") == "absent\n", "\(path)")
            }
            for path in ["/x", "/etc/x", "/usr/x", "/run/x", "/etc/oscircular/x", "/dev/x"] {
                #expect(try fixture.ssh("root", "touch \(path) 2>/dev/null || echo refused") == "refused\n", "\(path)")
            }
        }
    }

    @Test func showsWhatTheUserSharesAndRefusesWhatNobodyMayShare() async throws {
        try await BlockingThread.run {
            let other = try TemporaryDirectory(in: "/tmp", mode: 0o777)
            let readOnly = try TemporaryDirectory(in: "/tmp", mode: 0o777)
            try AtomicFile.write("shared\n", to: readOnly.path + "/file", mode: 0o644)
            let fixture = try SSHFixture(shared: [
                SharedPath(path: other.path, writable: true), SharedPath(path: readOnly.path, writable: false),
            ])
            #expect(
                try fixture.ssh("root", "cat \(readOnly.path)/file; touch \(other.path)/new && echo made")
                    == "shared\nmade\n")
            #expect(other.names == ["new"])
            #expect(try fixture.ssh("root", "touch \(readOnly.path)/new 2>/dev/null || echo refused") == "refused\n")
            #expect(readOnly.names == ["file"])
            for path in ["/", "/etc", "/etc/x", "/usr", "/proc/1", "relative", "/a/../etc", "/a//b", "/exchange", ""] {
                #expect(throws: GuestNetworkError.self, "\(path)") {
                    try SharedPath(path: path, writable: false).validate()
                }
            }
        }
    }

    @Test func reachesNoLoopbackServiceOfTheHost() async throws {
        try await BlockingThread.run {
            let fixture = try SSHFixture()
            let listener = try TCPListener()
            let command = "(exec 3<>/dev/tcp/127.0.0.1/\(listener.port)) 2>/dev/null && echo reached || echo refused"
            #expect(try fixture.ssh("root", "bash -c '\(command)'") == "refused\n")
            #expect(!listener.visited(milliseconds: 100))
            // Nor by ssh's own forwarding.
            let error = try fixture.ssh("root", options: ["-W", "127.0.0.1:\(listener.port)"], expecting: 255)
            #expect(error.contains("administratively prohibited") || error.contains("forwarding"), "\(error)")
            #expect(!listener.visited(milliseconds: 100))
        }
    }

    @Test func refusesPasswordsAndOtherKeys() async throws {
        try await BlockingThread.run {
            let fixture = try SSHFixture()
            let byPassword = try fixture.ssh(
                "root", "true", options: ["-o", "PreferredAuthentications=password,keyboard-interactive"],
                expecting: 255)
            #expect(byPassword.contains("Permission denied (publickey)"), "\(byPassword)")
            let other = fixture.keys.hostIdentity.privateKeyPath
            #expect(
                try fixture.ssh("root", "true", key: other, expecting: 255).contains("Permission denied (publickey)"))
            #expect(try fixture.ssh("somebody", "true", expecting: 255).contains("Permission denied (publickey)"))
            #expect(try fixture.ssh("root", "echo works") == "works\n")
        }
    }

    @Test func servesTwoSessionsAtOnceAndNoMoreThanItsLimit() async throws {
        try await BlockingThread.run {
            let fixture = try SSHFixture(limit: 2, waiting: 0)
            let results = TestResults()
            // Each waits for the other's file, so both have to run at the same time.
            for (own, other) in [("a", "b"), ("b", "a")] {
                results.start {
                    try fixture.ssh(
                        "root",
                        "touch \(own); for i in $(seq 100); do test -e \(other) && sleep 2 && echo met && exit; sleep 0.1; done"
                    )
                }
            }
            #expect(eventuallyBlocking { fixture.names.count >= 2 })
            let third = try fixture.ssh("root", "echo third", expecting: 255)
            #expect(!third.contains("third\n"), "\(third)")
            #expect(fixture.log.contains("too many ssh connections of the guest: 1 closed unanswered"))
            #expect(results.wait() == ["met\n", "met\n"])
            #expect(try fixture.ssh("root", "echo again") == "again\n")
        }
    }

    @Test func closingLeavesNothingBehind() async throws {
        try await BlockingThread.run {
            let fixture = try SSHFixture()
            let results = TestResults()
            let seconds = 5000 + Int.random(in: 0..<1000)
            results.start {
                try fixture.ssh(
                    "root", "nohup sleep \(seconds) >/dev/null 2>&1 & touch ready; sleep \(seconds)", expecting: 255)
            }
            func sleeping() -> Int { ProcessList.commandLines(containing: "sleep\0\(seconds)").count }
            #expect(eventuallyBlocking { fixture.names == ["ready"] && sleeping() == 2 })
            fixture.gateway.close()
            #expect(ProcessList.commandLines(containing: "sleep\0\(seconds)") == [])
            #expect(fixture.folder.names == ["exchange", "keys", "known", "log"])
            _ = results.wait()
        }
    }

    @Test(.enabled(if: isRoot, "SKIPPED: needs root to act as another user"))
    func letsNoOtherUserConnect() async throws {
        try await BlockingThread.run {
            let fixture = try SSHFixture(folderMode: 0o755)
            #expect(TestThread.connectError(fixture.socket, asUser: 65533) == EACCES)
            #expect(try fixture.ssh("root", "echo works") == "works\n")
        }
    }

    @Test func refusesAnExchangeFolderThatIsALink() async throws {
        try await BlockingThread.run {
            let folder = try TemporaryDirectory(in: "/tmp")
            symlink("/tmp", folder.path + "/exchange")
            let keys = try SessionKeys.make(in: folder.path + "/keys")
            let error = #expect(throws: GuestNetworkError.self) {
                try SSHGateway(
                    .init(
                        socketPath: folder.path + "/ssh", directory: folder.path + "/sandbox",
                        exchangeDirectory: folder.path + "/exchange", logPath: folder.path + "/log"), keys: keys)
            }
            guard case .unsafeDirectory = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(folder.names == ["exchange", "keys"])
        }
    }

    @Test func withoutAKeyringNobodyListensAndTheStartFails() throws {
        let folder = try TemporaryDirectory(in: "/tmp")
        let keys = try SessionKeys.make(in: folder.path + "/keys")
        let error = #expect(throws: GuestNetworkError.self) {
            try SSHGateway(
                .init(
                    socketPath: folder.path + "/ssh", directory: folder.path + "/sandbox",
                    exchangeDirectory: folder.path + "/exchange", logPath: folder.path + "/log"), keys: keys,
                joiningKeyring: { () throws(SystemCallError) in throw SystemCallError(.outOfMemory, call: "keyctl") })
        }
        #expect(error?.description.contains("no keyring for the guest's logins") == true)
        #expect(folder.names == ["exchange", "keys", "log"])
    }

    /// In a container all users' keys may be counted together: whoever cannot have a keyring still has the filter of calls.
    @Test func whoMayHaveNoMoreKeyringsIsWarnedAndServed() throws {
        let folder = try TemporaryDirectory(in: "/tmp")
        let keys = try SessionKeys.make(in: folder.path + "/keys")
        let gateway = try SSHGateway(
            .init(
                socketPath: folder.path + "/ssh", directory: folder.path + "/sandbox",
                exchangeDirectory: folder.path + "/exchange", logPath: folder.path + "/log"), keys: keys,
            joiningKeyring: { false })
        #expect(folder.names.contains("ssh"))
        gateway.close()
        let log = try FileContents.readText(folder.path + "/log", limit: 4096)
        #expect(log.contains("kernel.keys.maxkeys"), "\(log)")
    }

    @Test func namesThePackageOfAMissingProgram() {
        let error = #expect(throws: GuestNetworkError.self) { try HostProgram.bwrap.path(in: ["/nonexistent"]) }
        #expect(error?.description == "bwrap is not installed (Debian package bubblewrap)")
    }

    /// The whole way that a guest goes: frames, libslirp, gateway, sandbox, sshd.
    @Test func answersTheGuestAtTheGatewaysAddress() async throws {
        try await BlockingThread.run {
            let fixture = try SSHFixture()
            var configuration = GuestNetwork.Configuration.testing(
                mode: .none, socketPath: fixture.folder.path + "/net", sshSocketPath: fixture.socket)
            configuration.user = fixture.client
            let network = try GuestNetwork(configuration)
            let guest = try FakeGuest(socketPath: fixture.folder.path + "/net")
            _ = try guest.resolve(VirtualNetwork.gateway)
            for _ in 0..<2 {
                #expect(try guest.banner(VirtualNetwork.gateway, 22)?.hasPrefix("SSH-2.0-OpenSSH") == true)
            }
            network.close()
        }
    }
}
