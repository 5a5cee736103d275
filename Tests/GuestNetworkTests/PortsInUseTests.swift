import Glibc
import Linux
import Synchronization
import TestSupport
import Testing

@testable import GuestNetwork

/// Published ports with the real process: what comes in from this host, and what is refused.
@Suite(.serialized, .timeLimit(.minutes(2))) struct PortsInUseTests {
    private static let isRoot = geteuid() == 0

    private final class Fixture: Sendable {
        let folder: TemporaryDirectory
        let network: GuestNetwork
        let qemu: String
        let guestSSH: String
        private let record = Record()

        init(_ mode: GuestNetworkMode = .none) throws {
            folder = try TemporaryDirectory(in: "/tmp", mode: 0o711)
            qemu = folder.path + "/net"
            guestSSH = folder.path + "/guest"
            let gateway = try UnixListener(path: folder.path + "/ssh", owner: TestUser.network?.uid)
            var configuration = GuestNetwork.Configuration.testing(
                mode: mode, socketPath: qemu, sshSocketPath: gateway.path, guestSSHSocketPath: guestSSH)
            configuration.willRun = { [record] in record.add($0) }
            network = try GuestNetwork(configuration)
        }

        /// Returns when the session has started another one: until then the old one may take a connection still.
        func killProcess() -> Bool {
            let before = record.all
            if let process = before.last { kill(process, SIGKILL) }
            return eventuallyBlocking { record.all.count > before.count }
        }
    }

    private final class Record: Sendable {
        private let state = Mutex<[ProcessID]>([])
        var all: [ProcessID] { state.withLock { $0 } }
        func add(_ process: ProcessID) { state.withLock { $0.append(process) } }
    }

    /// A port of this host that is free now.
    private static func free(_ kind: InternetSocket.Kind = .stream) throws -> UInt16 {
        let socket = try InternetSocket.bound(to: .loopback(0), kind)
        return try #require(socket.localPort)
    }

    private static func tcp(_ port: UInt16, _ guestPort: UInt16) throws -> PublishedPort {
        try PublishedPort("\(port):\(guestPort)")
    }

    /// Waits for a connection at a port of the guest, accepts it, and says a line.
    private static func greet(_ guest: FakeGuest, at port: UInt16, _ line: String) throws -> FakeGuest.Segment? {
        while let opening = try guest.receiveSegment(milliseconds: 8000) {
            guard opening.flags & 0x12 == 0x02, opening.ports.to == port else { continue }
            #expect(opening.source == VirtualNetwork.router)
            let next = opening.sequence &+ 1
            try guest.send(
                guest.builder.tcp(
                    from: port, to: opening.source, opening.ports.from, flags: 0x12, sequence: 7, acknowledgement: next)
            )
            try guest.send(
                guest.builder.tcp(
                    from: port, to: opening.source, opening.ports.from, flags: 0x18, sequence: 8,
                    acknowledgement: next, Array("\(line)\n".utf8)))
            return opening
        }
        return nil
    }

    private static func read(_ client: FileHandle) -> String {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = recv(client.descriptor, &buffer, buffer.count, 0)
        return String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
    }

    @Test(arguments: [GuestNetworkMode.none, .user])
    func carriesConnectionsToThePortsThatAreAsked(mode: GuestNetworkMode) async throws {
        try await BlockingThread.run {
            let fixture = try Fixture(mode)
            let guest = try FakeGuest(socketPath: fixture.qemu)
            _ = try guest.resolve(VirtualNetwork.gateway)
            let (first, second) = (try Self.free(), try Self.free())
            try fixture.network.publish(BoundPort.all([try Self.tcp(first, 80), try Self.tcp(second, 8443)]))
            for (port, guestPort, line) in [(second, UInt16(8443), "b"), (first, 80, "a"), (first, 80, "again")] {
                let client = try LoopbackPort.connect(port)
                #expect(try Self.greet(guest, at: guestPort, line) != nil)
                #expect(Self.read(client) == "\(line)\n")
            }
            // Ssh's own way is as before.
            let ssh = try UnixListener.connect(to: fixture.guestSSH, timeout: 5)
            #expect(try Self.greet(guest, at: 22, "SSH-2.0-x") != nil)
            #expect(Self.read(ssh) == "SSH-2.0-x\n")
        }
    }

    @Test func sshsOwnPortCanBePublishedToo() async throws {
        try await BlockingThread.run {
            let fixture = try Fixture()
            let guest = try FakeGuest(socketPath: fixture.qemu)
            let port = try Self.free()
            try fixture.network.publish(BoundPort.all([try Self.tcp(port, 22)]))
            let client = try LoopbackPort.connect(port)
            #expect(try Self.greet(guest, at: 22, "SSH-2.0-y") != nil)
            #expect(Self.read(client) == "SSH-2.0-y\n")
        }
    }

    @Test func carriesDatagramsBothWays() async throws {
        try await BlockingThread.run {
            let fixture = try Fixture()
            let guest = try FakeGuest(socketPath: fixture.qemu)
            let number = try Self.free(.datagram)
            // The same number for both.
            try fixture.network.publish(
                BoundPort.all([try PublishedPort("\(number):53/udp"), try Self.tcp(number, 53)]))
            let client = try InternetSocket.bound(to: .loopback(0), .datagram)
            var answered = ""
            let isAnswered = try eventuallyBlocking(within: 8) {
                // The process may not have heard of the port yet.
                Array("question".utf8).withUnsafeBytes { client.sendDatagram($0, to: DatagramPeer(.loopback(number))) }
                while let frame = try guest.receive(milliseconds: 300) {
                    guard frame.count > 42, frame[12] == 8, frame[13] == 0, frame[23] == 17,
                        UInt16(frame[36]) << 8 | UInt16(frame[37]) == 53
                    else { continue }
                    #expect(String(decoding: frame[42...].prefix(8), as: UTF8.self) == "question")
                    let port = UInt16(frame[34]) << 8 | UInt16(frame[35])
                    try guest.send(guest.builder.udp(from: 53, to: VirtualNetwork.router, port, Array("answer".utf8)))
                    // From another port it is nobody's.
                    try guest.send(guest.builder.udp(from: 54, to: VirtualNetwork.router, port, Array("lie".utf8)))
                    break
                }
                var item = pollfd(fd: client.descriptor, events: Int16(POLLIN), revents: 0)
                guard poll(&item, 1, 500) > 0 else { return false }
                answered = Self.read(client)
                return true
            }
            #expect(isAnswered)
            #expect(answered == "answer")
        }
    }

    @Test func portsComeBackWhenTheProcessDies() async throws {
        try await BlockingThread.run {
            let fixture = try Fixture()
            let guest = try FakeGuest(socketPath: fixture.qemu)
            // More than the kernel keeps of messages that nobody reads.
            var ports = [try Self.tcp(try Self.free(), 80)]
            while ports.count < PublishedPort.limit {
                let port = try Self.tcp(try Self.free(), UInt16(8000 + ports.count))
                if !ports.contains(where: { $0.address == port.address }) { ports.append(port) }
            }
            try fixture.network.publish(BoundPort.all(ports))
            #expect(throws: PortError.tooMany) {
                try fixture.network.publish(BoundPort.all([try Self.tcp(try Self.free(), 9)]))
            }
            for round in 0..<2 {
                for port in [ports[0], ports[31]] {
                    let client = try LoopbackPort.connect(port.address.port)
                    #expect(try Self.greet(guest, at: port.guestPort, "\(round)") != nil)
                    #expect(Self.read(client) == "\(round)\n")
                }
                #expect(fixture.killProcess())
            }
        }
    }

    @Test func aPortThatIsTakenBackEndsItsConnectionsAndNoOthers() async throws {
        try await BlockingThread.run {
            let fixture = try Fixture()
            let guest = try FakeGuest(socketPath: fixture.qemu)
            let ports = [try Self.tcp(try Self.free(), 80), try Self.tcp(try Self.free(), 81)]
            try fixture.network.publish(BoundPort.all(ports))
            var clients: [FileHandle] = []
            for port in ports {
                clients.append(try LoopbackPort.connect(port.address.port))
                #expect(try Self.greet(guest, at: port.guestPort, "x") != nil)
                #expect(Self.read(try #require(clients.last)) == "x\n")
            }
            try fixture.network.withdraw(ports[0])
            #expect(throws: PortError.notPublished(ports[0])) { try fixture.network.withdraw(ports[0]) }
            #expect(fixture.network.published == [ports[1]])
            #expect(Self.read(clients[0]) == "")
            var item = pollfd(fd: clients[1].descriptor, events: Int16(POLLIN), revents: 0)
            #expect(poll(&item, 1, 300) == 0, "the other one is open still")
            #expect(eventuallyBlocking { (try? LoopbackPort.connect(ports[0].address.port)) == nil })
            // And is free for others, for this guest too.
            try fixture.network.publish(BoundPort.all([try Self.tcp(ports[0].address.port, 82)]))
            let client = try LoopbackPort.connect(ports[0].address.port)
            #expect(try Self.greet(guest, at: 82, "new") != nil)
            #expect(Self.read(client) == "new\n")
        }
    }

    /// A guest that answers nothing, and whoever opens connections without end, take nothing of ssh's.
    @Test func aFloodOfConnectionsLeavesSSHItsWay() async throws {
        try await BlockingThread.run {
            let fixture = try Fixture()
            let guest = try FakeGuest(socketPath: fixture.qemu)
            let port = try Self.free()
            try fixture.network.publish(BoundPort.all([try Self.tcp(port, 80)]))
            var clients: [FileHandle] = []
            for _ in 0..<300 { clients.append(try LoopbackPort.connect(port)) }
            let ssh = try UnixListener.connect(to: fixture.guestSSH, timeout: 10)
            #expect(try Self.greet(guest, at: 22, "SSH-2.0-z") != nil)
            #expect(Self.read(ssh) == "SSH-2.0-z\n")
            withExtendedLifetime(clients) {}
        }
    }

    // MARK: What is refused

    @Test func aPortThatIsTakenIsNamedWithWhoHasIt() throws {
        let other = try TCPListener()
        let port = try Self.tcp(other.port, 80)
        let error = #expect(throws: PortError.self) { try BoundPort(port) }
        guard case .taken(port, let owner) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(owner?.contains("process \(getpid())") == true, "\(owner ?? "nobody")")
    }

    @Test func twiceTheSameIsRefusedAndNothingElseIsTaken() async throws {
        try await BlockingThread.run {
            let fixture = try Fixture()
            let (port, other) = (try Self.free(), try Self.free())
            let first = try Self.tcp(port, 80)
            #expect(throws: PortError.twice(first)) { try BoundPort.all([try Self.tcp(port, 80), first]) }
            try fixture.network.publish(BoundPort.all([first]))
            // By this guest itself: the kernel says that it is taken.
            #expect(throws: PortError.self) {
                try fixture.network.publish(BoundPort.all([try Self.tcp(other, 81), try Self.tcp(port, 82)]))
            }
            #expect(fixture.network.published == [first])
            #expect(throws: SystemCallError.self) { try LoopbackPort.connect(other) }
        }
    }

    @Test func anAddressOfSomebodyElseIsRefused() throws {
        for text in ["192.0.2.1:8080:80", "[2001:db8::1]:8080:80/udp"] {
            let port = try PublishedPort(text)
            #expect(throws: PortError.notThisHost(port)) { try BoundPort(port) }
        }
    }

    @Test(.enabled(if: PortOwner.lowestForUsers > 80, "SKIPPED: this machine lets users take all ports"))
    func aPortOfRootsIsRefusedAndSaysWhatToDo() throws {
        let port = try PublishedPort("80:80")
        // What the kernel says to a user.
        let error =
            Self.isRoot
            ? PortError(SystemCallError(.accessDenied, call: "bind"), port)
            : #expect(throws: PortError.self) { try BoundPort(port) }
        #expect(error == .privileged(port, lowest: PortOwner.lowestForUsers))
        #expect("\(PortError.privileged(port, lowest: 1024))".contains("choose one from 1024 on"))
        #expect(PortError(SystemCallError(.accessDenied, call: "bind"), try Self.tcp(60_000, 80)) != error)
    }

    @Test func linesOfTheKernelsTableAreRead() {
        let line =
            "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0"
        #expect(PortOwner.entry(line[...]) == .init(port: 8080, state: "0A", user: 1000, inode: 4711))
        #expect(PortOwner.entry("sl local_address") == nil)
        #expect(PortOwner.entry("") == nil)
    }

    @Test func ofIPv6OnlyWhatWasAskedFor() async throws {
        try await BlockingThread.run {
            let six = try PublishedPort("[::1]:\(try Self.free()):80")
            do throws(PortError) { _ = try BoundPort(six) } catch {
                // A machine without IPv6.
                guard case .notThisHost = error else { throw error }
                return
            }
            let fixture = try Fixture()
            let guest = try FakeGuest(socketPath: fixture.qemu)
            try fixture.network.publish(BoundPort.all([six]))
            #expect(throws: SystemCallError.self) { try LoopbackPort.connect(six.address.port) }
            let client = FileHandle(
                owning: try systemCall("socket") {
                    socket(AF_INET6, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
                })
            var name = sockaddr_in6()
            name.sin6_family = sa_family_t(AF_INET6)
            name.sin6_port = six.address.port.bigEndian
            name.sin6_addr = in6addr_loopback
            _ = try withUnsafePointer(to: &name) { pointer in
                try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    try systemCall("connect") {
                        Glibc.connect(client.descriptor, address, socklen_t(MemoryLayout<sockaddr_in6>.size))
                    }
                }
            }
            #expect(try Self.greet(guest, at: 80, "six") != nil)
            #expect(Self.read(client) == "six\n")
        }
    }
}
