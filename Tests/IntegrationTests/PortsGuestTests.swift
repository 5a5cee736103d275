import Boot
import Glibc
import Linux
import TestSupport
import Testing

/// Ports and copies with a real guest: one start for all of it.
@Suite(.serialized, .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)))
struct PortsGuestTests {
    private static let sftpServer = "/usr/lib/openssh/sftp-server"

    private static func free(_ kind: InternetSocket.Kind = .stream) throws -> UInt16 {
        try #require(try InternetSocket.bound(to: .loopback(0), kind).localPort)
    }

    /// What a server of the guest says at a port of this host.
    private func said(at port: UInt16) async throws -> String {
        try await WorkerThread.run(name: "client") {
            let handle = FileHandle(
                owning: try systemCall("socket") {
                    socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
                })
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = port.bigEndian
            name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let isConnected = withUnsafePointer(to: &name) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(handle.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
            guard isConnected else { return "" }
            handle.setSocketTimeout(seconds: 20)
            return withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
                guard case .bytes(let count)? = try? handle.receive(into: buffer) else { return "" }
                return String(decoding: buffer[..<count], as: UTF8.self).filter { $0 != "\n" }
            }
        }
    }

    @Test func aGuestWithoutNetworkIsReachedAtItsPortsAndFilesGoBothWays() async throws {
        let scenario = try await Scenario(images: [("2026-11-16", try await TinyGuest.image())])
        do {
            let taken = try LoopbackListener()
            let (web, second, names) = (try Self.free(), try Self.free(), try Self.free(.datagram))
            try await expectRefusals(scenario, taken: UInt16(taken.port))

            let session = try await scenario.boot("tiny", "--network", "none", "--publish", "\(web):80")
            #expect(session.ports?.map(\.text) == ["127.0.0.1:\(web) to 80"])
            _ = try await scenario.console(of: session, shows: "READY")
            let servers = """
                (while true; do echo web | nc -l -p 80; done) > /dev/null 2>&1 &
                (while true; do echo second | nc -l -p 81; done) > /dev/null 2>&1 &
                """
            _ = try await scenario.attempt("ssh", session.id, servers)
            // Its servers need a moment to begin.
            #expect(try await eventually(within: .seconds(20)) { try await said(at: web) == "web" })

            // On the guest that runs.
            let isolated = try await scenario.attempt("ports", "add", session.id, "\(second):81")
            #expect(isolated.status == 75 && isolated.error.contains("--isolated"), "\(isolated.error)")
            try await scenario.client("ports", "add", session.id, "\(second):81", "\(names):53/udp", "--isolated")
            let refused = try await scenario.attempt("ports", "add", session.id, "\(taken.port):81", "--isolated")
            #expect(refused.status == 75 && refused.error.contains("is taken by"), "\(refused.error)")
            let twice = try await scenario.attempt("ports", "add", session.id, "\(web):99", "--isolated")
            #expect(twice.status == 75 && twice.error.contains("published already"), "\(twice.error)")
            #expect(try await eventually(within: .seconds(20)) { try await said(at: second) == "second" })
            #expect(try await eventually(within: .seconds(20)) { try await said(at: web) == "web" }, "the others stay")
            let list = try await scenario.attempt("ports", session.id)
            #expect(list.output.split(separator: "\n").count == 3, "\(list.output)")
            #expect(list.output.contains("127.0.0.1:\(names) to 53 (udp)"))
            try await expectDatagrams(session, scenario, names)

            // The network's process dies: the ports are back with it.
            ProcessTable.pids(running: "run-network", naming: scenario.folder.path).forEach { kill($0, SIGKILL) }
            #expect(try await eventually(within: .seconds(30)) { try await said(at: web) == "web" })
            try await scenario.client("ports", "remove", session.id, "\(web):80")
            #expect(try await said(at: web) != "web")
            #expect(try await eventually(within: .seconds(20)) { try await said(at: second) == "second" })

            try await expectCopies(session, scenario)
            try await scenario.client("stop", "--force", session.id)
        } catch {
            await scenario.end()
            throw error
        }
        await scenario.end()
    }

    private func expectRefusals(_ scenario: Scenario, taken: UInt16) async throws {
        for (arguments, status, text) in [
            (["--publish", "\(taken):80"], Int32(75), "is taken by"), (["--publish", "0:80"], 64, "1 to 65535"),
            (["--publish", "192.0.2.1:8080:80"], 69, "not an address of this host"),
            (["--publish", "8080:80", "--publish", "8080:81"], 64, "published already"),
        ] {
            let attempt = try await BuiltProgram.run(
                "oscircular", ["boot", "tiny", "--detach"] + arguments, environment: scenario.environment)
            #expect(attempt.status == status && attempt.stderr.contains(text), "\(attempt.stderr)")
        }
    }

    private func expectDatagrams(_ session: SessionStatus, _ scenario: Scenario, _ port: UInt16) async throws {
        // Busybox has no server of this kind.
        guard BuiltProgram.isInstalled("cc") else { return }
        let source = try scenario.folder.write(Array(DatagramEcho.source.utf8), to: "echo.c")
        let program = scenario.folder.path("echo")
        let built = try await BuiltProgram.runAny("cc", ["-static", "-o", program, source])
        #expect(built.status == 0, "\(built.stderr)")
        try await put(program, "/tmp/echo", session, scenario)
        _ = try await scenario.attempt("ssh", session.id, "/tmp/echo > /dev/null 2>&1 < /dev/null &")
        let isAnswered = try await eventually(within: .seconds(20)) {
            try await WorkerThread.run(name: "datagram") {
                let socket = try InternetSocket.bound(to: .loopback(0), .datagram)
                let target = DatagramPeer(.loopback(port))
                Array("hello".utf8).withUnsafeBytes { socket.sendDatagram($0, to: target) }
                var sources = [PollSource(socket.descriptor)]
                guard try PollSource.wait(for: &sources, milliseconds: 2000) else { return false }
                return withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
                    socket.receiveDatagram(into: buffer).map { Array(buffer[..<$0.count]) } == Array("heard hello".utf8)
                }
            }
        }
        #expect(isAnswered)
    }

    /// Puts a program into the guest over ssh.
    private func put(_ file: String, _ path: String, _ session: SessionStatus, _ scenario: Scenario) async throws {
        let environment = scenario.environment.map { "\($0.key)=\($0.value)" }
        let script = "mount -o remount,rw /; mkdir -p /usr/lib; cat > \(path); chmod 755 \(path)"
        let put = try await WorkerThread.run(name: "ssh") {
            try ChildProcess.run(
                "/bin/sh",
                [
                    "-c", "exec \"$0\" ssh \"$1\" \"$2\" < \"$3\"", BuiltProgram.path("oscircular"), session.id, script,
                    file,
                ],
                environment: environment, within: .seconds(60))
        }
        #expect(put.ending == .exited(0), "\(put.text)")
    }

    private func expectCopies(_ session: SessionStatus, _ scenario: Scenario) async throws {
        let own = scenario.folder
        try own.write(Array("from the host".utf8), to: "it's a \"file\"")
        let path = own.path("it's a \"file\"")
        let without = try await scenario.attempt("copy", path, "\(session.id):")
        #expect(without.status == 69 && without.error.contains("no sftp server"), "\(without.error)")
        guard Paths.allows(.executing, Self.sftpServer) else { return }
        // The server's program comes over ssh.
        try await put(Self.sftpServer, "/usr/lib/sftp-server", session, scenario)
        try await scenario.client("copy", path, "\(session.id):")
        let there = try await scenario.attempt("ssh", session.id, "cat 'it'\\''s a \"file\"'; ln -s /etc/passwd link")
        #expect(there.output == "from the host")
        let again = try await scenario.attempt("copy", path, "\(session.id):")
        #expect(again.status == 73 && again.error.contains("--force"), "\(again.error)")
        try await scenario.client("copy", "--force", path, "\(session.id):")
        try own.makeFolder("got")
        try await scenario.client("copy", "\(session.id):it's a \"file\"", own.path("got"))
        #expect(try own.bytes("got/it's a \"file\"") == Array("from the host".utf8))
        let link = try await scenario.attempt("copy", "\(session.id):link", own.path("got"))
        #expect(link.status == 64 && link.error.contains("no link of a guest is followed"), "\(link.error)")
        let tree = try await scenario.attempt("copy", "--recursive", "\(session.id):/root", own.path("copied"))
        #expect(tree.status == 1 && tree.error.contains("link"), "\(tree.error)")
        #expect(own.files(below: "copied").contains("copied/it's a \"file\""))
    }
}
