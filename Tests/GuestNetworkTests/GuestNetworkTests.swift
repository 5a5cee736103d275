import Glibc
import Linux
import TestSupport
import Testing

@testable import GuestNetwork

@Suite(.serialized)
struct GuestNetworkTests {
    private static let isRoot = geteuid() == 0

    /// A network whose gateway says one line to every connection.
    private final class Fixture: Sendable {
        let folder: TemporaryDirectory
        let network: GuestNetwork
        let qemu: String
        let guestSSH: String
        let gateway: UnixListener

        init(_ mode: GuestNetworkMode = .user, folderMode: mode_t = 0o700, owner: uid_t? = nil) throws {
            folder = try TemporaryDirectory(in: "/tmp", mode: folderMode)
            qemu = folder.path + "/net"
            guestSSH = folder.path + "/guest"
            gateway = try UnixListener(path: folder.path + "/ssh", owner: TestUser.network?.uid)
            network = try GuestNetwork(
                .testing(
                    mode: mode, socketPath: qemu, sshSocketPath: gateway.path, guestSSHSocketPath: guestSSH,
                    socketOwner: owner))
        }

        /// Accepts one connection and greets.
        func greetOne() {
            try? WorkerThread.start(name: "greeter") { [gateway] in
                var item = pollfd(fd: gateway.descriptor, events: Int16(POLLIN), revents: 0)
                guard poll(&item, 1, 5000) > 0, let connection = gateway.accept(nonblocking: false) else { return }
                _ = send(connection.descriptor, "hello\r\n", 7, Int32(MSG_NOSIGNAL))
                poll(nil, 0, 500)
            }
        }
    }

    @Test(arguments: GuestNetworkMode.allCases)
    func givesAnAddressAndTheGatewaysPort(mode: GuestNetworkMode) async throws {
        try await BlockingThread.run {
            let fixture = try Fixture(mode)
            let guest = try FakeGuest(socketPath: fixture.qemu)
            #expect(try guest.discover() == VirtualNetwork.guest)
            #expect(try guest.resolve(VirtualNetwork.gateway) != nil)
            #expect(try guest.resolve(VirtualNetwork.nameserver) != nil)
            #expect(try guest.resolve(IPv4Address(10, 0, 2, 77)) == nil)
            fixture.greetOne()
            #expect(try guest.banner(VirtualNetwork.gateway, 22) == "hello")
        }
    }

    @Test(arguments: GuestNetworkMode.allCases)
    func reachesNoListenerOfTheHost(mode: GuestNetworkMode) async throws {
        try await BlockingThread.run {
            let fixture = try Fixture(mode)
            let guest = try FakeGuest(socketPath: fixture.qemu)
            _ = try guest.resolve(VirtualNetwork.gateway)
            let loopback = try TCPListener()
            let everywhere = try TCPListener(IPv4Address(value: 0))
            var targets = [
                VirtualNetwork.gateway, VirtualNetwork.nameserver, VirtualNetwork.router, IPv4Address(127, 0, 0, 1),
                IPv4Address(127, 1, 2, 3), IPv4Address(value: 0), IPv4Address(0, 0, 0, 1), IPv4Address(10, 0, 2, 1),
            ]
            targets += try LocalAddresses().read().map(\.address)
            for target in targets {
                for port in [loopback.port, everywhere.port] {
                    #expect(try guest.knock(target, port, milliseconds: 50) == nil, "\(target):\(port) answered")
                }
            }
            #expect(!loopback.visited(milliseconds: 200))
            #expect(!everywhere.visited(milliseconds: 0))
            // The frames were dropped, and the network still works.
            #expect(fixture.network.dropped.values.reduce(0, +) >= targets.count * 2)
            fixture.greetOne()
            #expect(try guest.banner(VirtualNetwork.gateway, 22) == "hello")
        }
    }

    @Test func takesTheGuestAgainAfterItLeftOrSentNonsense() async throws {
        try await BlockingThread.run {
            let fixture = try Fixture()
            do {
                let first = try FakeGuest(socketPath: fixture.qemu)
                #expect(try first.discover() == VirtualNetwork.guest)
            }
            let nonsense = try FakeGuest(socketPath: fixture.qemu)
            try nonsense.sendRaw([0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3])
            #expect(try nonsense.receive() == nil)
            #expect(nonsense.hungUp)
            let second = try FakeGuest(socketPath: fixture.qemu)
            #expect(try second.discover() == VirtualNetwork.guest)
        }
    }

    @Test func survivesGarbageFrames() async throws {
        try await BlockingThread.run {
            let fixture = try Fixture()
            let guest = try FakeGuest(socketPath: fixture.qemu)
            var random = SeededGenerator(state: 99)
            let seeds = [
                guest.builder.dhcpDiscover(), guest.builder.arp(for: VirtualNetwork.gateway),
                guest.builder.tcp(from: 50000, to: VirtualNetwork.gateway, 22, flags: 0x10, [1, 2, 3]),
            ]
            for round in 0..<3000 {
                var frame = seeds[round % seeds.count]
                for _ in 0..<3 {
                    frame[Int.random(in: 0..<frame.count, using: &random)] = .random(in: 0...255, using: &random)
                }
                try guest.send(Array(frame.prefix(Int.random(in: 14...frame.count, using: &random))))
            }
            while try guest.receive(milliseconds: 200) != nil {}
            #expect(try guest.discover() != nil)
            // And the host still finds the guest: nothing in the garbage has moved it elsewhere.
            let client = try UnixListener.connect(to: fixture.guestSSH)
            var found = false
            while !found, let frame = try guest.receive(milliseconds: 8000) {
                found = frame.starts(with: FrameBuilder.guestHardware) && frame[23] == 6 && frame[47] == 0x02
            }
            #expect(found)
            withExtendedLifetime(client) {}
        }
    }

    @Test func carriesTheHostsConnectionToTheGuestsPort22() async throws {
        try await BlockingThread.run {
            let fixture = try Fixture(.none)
            let guest = try FakeGuest(socketPath: fixture.qemu)
            _ = try guest.resolve(VirtualNetwork.gateway)
            let client = try UnixListener.connect(to: fixture.guestSSH)
            let opening = try #require(try guest.receiveSegment())
            #expect(opening.ports.to == 22)
            #expect(opening.source == VirtualNetwork.router)
            let port = opening.ports.from
            try guest.send(
                guest.builder.tcp(
                    from: 22, to: opening.source, port, flags: 0x12, sequence: 7, acknowledgement: opening.sequence &+ 1
                ))
            #expect(try guest.receiveSegment()?.acknowledgement == 8)
            try guest.send(
                guest.builder.tcp(
                    from: 22, to: opening.source, port, flags: 0x18, sequence: 8,
                    acknowledgement: opening.sequence &+ 1,
                    Array("SSH-2.0-guest\r\n".utf8)))
            var buffer = [UInt8](repeating: 0, count: 64)
            let count = recv(client.descriptor, &buffer, buffer.count, 0)
            #expect(String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self) == "SSH-2.0-guest\r\n")
        }
    }

    @Test func closingRemovesTheSocketsAndEndsTheGuestsConnection() async throws {
        try await BlockingThread.run {
            let fixture = try Fixture()
            let guest = try FakeGuest(socketPath: fixture.qemu)
            _ = try guest.discover()
            #expect(fixture.folder.names == ["guest", "net", "ssh"])
            fixture.network.close()
            fixture.network.close()
            #expect(fixture.folder.names == ["ssh"])
            while try guest.receive(milliseconds: 1000) != nil {}
            #expect(guest.hungUp)
        }
    }

    @Test func refusesLongSocketPathsByName() async throws {
        try await BlockingThread.run {
            let folder = try TemporaryDirectory(in: "/tmp")
            let long = folder.path + "/" + String(repeating: "x", count: 108)
            for (net, ssh, guest) in [(long, "/s", "/g"), ("/n", long, "/g"), ("/n", "/s", long)] {
                let paths = [net, ssh, guest].map { $0 == long ? long : folder.path + $0 }
                let error = #expect(throws: GuestNetworkError.self) {
                    try GuestNetwork(
                        .testing(
                            mode: .user, socketPath: paths[0], sshSocketPath: paths[1], guestSSHSocketPath: paths[2]))
                }
                guard case .pathTooLong(long) = error else {
                    Issue.record("\(String(describing: error))")
                    continue
                }
                #expect(folder.names == [])
            }
        }
    }

    @Test(.enabled(if: isRoot, "SKIPPED: needs root to act as another user"))
    func letsOnlyItsOwnerConnect() async throws {
        try await BlockingThread.run {
            let fixture = try Fixture(folderMode: 0o755, owner: 64055)
            #expect(TestThread.connectError(fixture.qemu, asUser: 65533) == EACCES)
            #expect(TestThread.connectError(fixture.guestSSH, asUser: 65533) == EACCES)
            #expect(TestThread.connectError(fixture.qemu, asUser: 64055) == nil)
            #expect(TestThread.connectError(fixture.guestSSH, asUser: 64055) == EACCES)
        }
    }

    @Test(.enabled(if: isRoot, "SKIPPED: needs root to make a network namespace"))
    func closesTheNetworkOfAnAddressThatTheHostGetsLater() async throws {
        try await BlockingThread.run {
            try TestThread.enterNetworkNamespace()
            try TestThread.ip("link", "set", "lo", "up")
            try TestThread.ip("link", "add", "eth7", "type", "veth", "peer", "name", "eth8")
            try TestThread.ip("link", "set", "eth7", "up")
            for mode in [GuestNetworkMode.user, .lan] {
                let fixture = try Fixture(mode)
                let guest = try FakeGuest(socketPath: fixture.qemu)
                _ = try guest.resolve(VirtualNetwork.gateway)
                let neighbour = IPv4Address(203, 0, 113, 1)
                _ = try guest.knock(neighbour, 80, milliseconds: 100)
                #expect(fixture.network.dropped[.neighbourhood] == nil)
                try TestThread.ip("addr", "add", "203.0.113.9/24", "dev", "eth7")
                _ = try guest.knock(neighbour, 80, milliseconds: 100)
                #expect(fixture.network.dropped[.neighbourhood] == (mode == .user ? 1 : nil))
                try TestThread.ip("addr", "del", "203.0.113.9/24", "dev", "eth7")
                _ = try guest.knock(neighbour, 80, milliseconds: 100)
                #expect(fixture.network.dropped[.neighbourhood] == (mode == .user ? 1 : nil))
            }
        }
    }

    @Test(.enabled(if: isRoot, "SKIPPED: needs root to make a network namespace"))
    func opensOnlySoManyFlowsAtOnce() async throws {
        try await BlockingThread.run {
            try TestThread.enterNetworkNamespace()
            let fixture = try Fixture()
            let guest = try FakeGuest(socketPath: fixture.qemu)
            _ = try guest.resolve(VirtualNetwork.gateway)
            let target = IPv4Address(203, 0, 113, 1)
            for port in UInt16(10_000)..<12_000 { try guest.send(guest.builder.udp(from: port, to: target, 9)) }
            _ = try guest.resolve(VirtualNetwork.gateway)
            let dropped = fixture.network.dropped
            #expect(dropped[.tooManyNewFlows, default: 0] + dropped[.tooManyFlows, default: 0] > 1000)
        }
    }

    /// The flows of datagrams stay open for four minutes.
    @Test(.enabled(if: isRoot, "SKIPPED: needs root to make a network namespace"))
    func aGuestThatHasUsedUpItsFlowsStillLogsIn() async throws {
        try await BlockingThread.run {
            try TestThread.enterNetworkNamespace()
            try TestThread.ip("link", "set", "lo", "up")
            try TestThread.ip("link", "add", "eth7", "type", "veth", "peer", "name", "eth8")
            for link in ["eth7", "eth8"] { try TestThread.ip("link", "set", link, "up") }
            try TestThread.ip("addr", "add", "10.200.0.1/24", "dev", "eth7")
            try TestThread.ip("route", "add", "default", "via", "10.200.0.2")
            let fixture = try Fixture()
            let guest = try FakeGuest(socketPath: fixture.qemu)
            _ = try guest.resolve(VirtualNetwork.gateway)
            let target = IPv4Address(9, 9, 9, 9)
            var port: UInt16 = 10_000
            // More than at once, until none is left.
            let isFull = try eventuallyBlocking(within: 30) {
                for _ in 0..<200 {
                    try guest.send(guest.builder.udp(from: port, to: target, 9))
                    port += 1
                }
                _ = try guest.resolve(VirtualNetwork.gateway)
                return fixture.network.dropped[.tooManyFlows, default: 0] > 0
            }
            #expect(isFull)
            let answer = try guest.knock(VirtualNetwork.gateway, VirtualNetwork.sshPort)
            #expect(answer.map { $0.flags & 0x12 } == 0x12, "\(fixture.network.dropped)")
        }
    }

    @Test(.enabled(if: isRoot, "SKIPPED: needs root to make a network namespace"))
    func dropsFramesToAddressesThatTheHostGetsLater() async throws {
        try await BlockingThread.run {
            try TestThread.enterNetworkNamespace()
            try TestThread.ip("link", "set", "lo", "up")
            let fixture = try Fixture(.lan)
            let guest = try FakeGuest(socketPath: fixture.qemu)
            _ = try guest.resolve(VirtualNetwork.gateway)
            let late = IPv4Address(203, 0, 113, 9)
            let routed = IPv4Address(198, 51, 100, 77)
            let listener = try TCPListener(IPv4Address(value: 0))

            _ = try guest.knock(late, listener.port, milliseconds: 50)
            #expect(fixture.network.dropped[.hostAddress] == nil)
            try TestThread.ip("addr", "add", "203.0.113.9/32", "dev", "lo")
            #expect(try guest.knock(late, listener.port, milliseconds: 100) == nil)
            #expect(fixture.network.dropped[.hostAddress] == 1)
            try TestThread.ip("route", "add", "local", "198.51.100.0/24", "dev", "lo")
            #expect(try guest.knock(routed, listener.port, milliseconds: 100) == nil)
            #expect(fixture.network.dropped[.hostAddress] == 2)
            #expect(!listener.visited(milliseconds: 0))

            // The listener is there: once the filter's reason is gone and only then, the guest would reach the address.
            let known = try LocalAddresses().read()
            #expect(
                known.contains(IPv4Prefix(late, 32)) && known.contains(IPv4Prefix(IPv4Address(198, 51, 100, 0), 24)))
            try TestThread.ip("addr", "del", "203.0.113.9/32", "dev", "lo")
            _ = try guest.knock(late, listener.port, milliseconds: 50)
            #expect(fixture.network.dropped[.hostAddress] == 2)
        }
    }
}
