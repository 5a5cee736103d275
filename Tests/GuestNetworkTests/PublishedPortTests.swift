import Linux
import Testing

@testable import GuestNetwork

/// What is written for a port, and how frames change on their way through one.
struct PublishedPortTests {
    @Test(arguments: [
        ("8080:80", "127.0.0.1:8080:80"), ("127.0.0.1:8080:80", "127.0.0.1:8080:80"),
        ("53:5353/udp", "127.0.0.1:53:5353/udp"),
        ("0.0.0.0:1:65535/tcp", "0.0.0.0:1:65535"), ("[::1]:8080:80", "[::1]:8080:80"),
        ("[::]:8080:80/udp", "[::]:8080:80/udp"), ("[2001:DB8::0001]:22:22", "[2001:db8::1]:22:22"),
    ])
    func readsWhatUsersWrite(text: String, canonical: String) throws {
        #expect("\(try PublishedPort(text))" == canonical)
        #expect(try PublishedPort(canonical) == PublishedPort(text))
    }

    @Test(arguments: [
        "", "80", ":", "::", "8080:", ":80", "0:80", "8080:0", "65536:80", "8080:65536", "8080:80/sctp", "8080:80/",
        "-1:80", "+1:80", "8 080:80", "localhost:8080:80", "::1:8080:80", "[::1:8080:80", "[127.0.0.1]:8080:80",
        "1.2.3:8080:80", "256.0.0.1:1:1", "[fe80::1%lo]:1:1", "8080:80:90:100", "٨٠:80", "8080:99999999999999999999",
    ])
    func refusesEverythingElse(text: String) {
        let error = #expect(throws: PortError.self) { try PublishedPort(text) }
        guard case .malformed(text, let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!reason.isEmpty)
    }

    @Test func aUDPPortThatIsTakenBackHearsNothingMoreWhoeverHoldsIt() throws {
        let free = try #require(try InternetSocket.bound(to: .loopback(0), .datagram).localPort)
        let port = try PublishedPort("\(free):53/udp")
        let (bound, book) = (try BoundPort(port), try PortBook())
        try book.add([bound])
        // As the network's process has it.
        let held = try bound.socket.duplicate()
        let sender = try InternetSocket.bound(to: .loopback(0), .datagram)
        func heard() -> Int {
            [UInt8]([1, 2, 3]).withUnsafeBytes { sender.sendDatagram($0, to: DatagramPeer(port.address)) }
            MonotonicClock.pause(milliseconds: 50)
            return withUnsafeTemporaryAllocation(byteCount: 16, alignment: 1) { buffer in
                held.receiveDatagram(into: buffer)?.count ?? 0
            }
        }
        #expect(heard() == 3)
        try book.remove(port)
        #expect(heard() == 0)
    }

    // MARK: Orders

    @Test(arguments: [
        NetworkOrder.publish(7, .udp, guestPort: 53), .publish(1, .tcp, guestPort: 65535), .withdraw(12), .count, .peer,
    ])
    func ordersComeAsTheyWent(order: NetworkOrder) { #expect(NetworkOrder(order.bytes) == order) }

    @Test(arguments: ["p", "p1", "p1 tcp", "p1 sctp 5", "p1 tcp 70000", "px tcp 5", "w", "wx"])
    func ordersThatAreNoneAreIgnored(text: String) { #expect(NetworkOrder(Array(text.utf8)) == nil) }

    // MARK: Frames

    private var frames: FrameBuilder {
        var frames = FrameBuilder()
        frames.source = VirtualNetwork.router
        return frames
    }

    /// The sum over pseudo-header and segment of a right checksum is all ones.
    private func isSound(_ frame: [UInt8]) -> Bool {
        let segment = Array(frame[34...])
        var bytes =
            Array(frame[26..<34]) + [0, frame[23], UInt8(segment.count >> 8), UInt8(segment.count & 0xFF)] + segment
        if bytes.count % 2 == 1 { bytes.append(0) }
        var sum = 0
        for index in stride(from: 0, to: bytes.count, by: 2) { sum += Int(bytes[index]) << 8 | Int(bytes[index + 1]) }
        while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
        return sum == 0xFFFF
    }

    @Test func framesGetTheGuestsPortAndAnswersTheEntrances() throws {
        let slots = PortSlots()
        let slot = try #require(slots.take(8080))
        let entrance = PortSlots.entrancePort(slot)
        for data in [[], [1], Array("an odd number of bytes.".utf8)] as [[UInt8]] {
            let out = frames.tcp(from: 40_001, to: VirtualNetwork.guest, entrance, flags: 0x18, data)
            let there = try #require(out.withUnsafeBytes { slots.forGuest($0) })
            #expect(there == frames.tcp(from: 40_001, to: VirtualNetwork.guest, 8080, flags: 0x18, data))
            #expect(isSound(there))
            let answer = FrameBuilder().tcp(from: 8080, to: VirtualNetwork.router, 40_001, flags: 0x12, data)
            let back = try #require(answer.withUnsafeBytes { slots.forStack($0) })
            #expect(back == FrameBuilder().tcp(from: entrance, to: VirtualNetwork.router, 40_001, flags: 0x12, data))
            #expect(isSound(back))
        }
    }

    @Test func othersFramesStayAsTheyAre() throws {
        let slots = PortSlots()
        _ = slots.take(8080)
        for frame in [
            frames.tcp(from: 4000, to: VirtualNetwork.guest, 22, flags: 0x02), frames.arp(for: VirtualNetwork.guest),
            frames.udp(from: 4000, to: VirtualNetwork.guest, PortSlots.base + 1), [1, 2, 3],
        ] { #expect(frame.withUnsafeBytes { slots.forGuest($0) } == nil) }
        let own = FrameBuilder()
        for frame in [
            own.tcp(from: 8080, to: IPv4Address(9, 9, 9, 9), 80, flags: 0x10),
            own.tcp(from: 22, to: VirtualNetwork.router, 4000, flags: 0x12),
            own.udp(from: 8080, to: VirtualNetwork.router, 4000), own.arp(for: VirtualNetwork.router),
        ] { #expect(frame.withUnsafeBytes { slots.forStack($0) } == nil) }
        // Nobody has that entrance yet.
        let stray = frames.tcp(from: 1, to: VirtualNetwork.guest, PortSlots.base + 9, flags: 0x02)
        #expect(stray.withUnsafeBytes { slots.forGuest($0) } == [])
    }

    @Test func aPortHasOneEntranceAndTheOldestFreeOneIsUsedAgain() throws {
        let slots = PortSlots()
        let taken = try (1...PublishedPort.limit).map { try #require(slots.take(UInt16($0 + 1000))) }
        #expect(Set(taken).count == PublishedPort.limit)
        #expect(slots.take(999) == nil)
        #expect(slots.take(1001) == taken[0], "two ports of the host may lead to one of the guest")
        slots.giveUp(taken[0])
        #expect(slots.take(999) == nil, "it has one user left")
        slots.giveUp(taken[5])
        slots.giveUp(taken[0])
        #expect(slots.guestPorts.contains(1006), "connections come to their end")
        #expect(slots.take(999) == taken[5])
        // Ssh's own is no other's.
        #expect(slots.take(22) == 0)
    }

    // MARK: Datagrams

    /// Sends to a socket of this host, and says what comes of it.
    private final class Sender {
        let socket: FileHandle
        let target: DatagramPeer

        init(to port: UInt16) throws {
            socket = try InternetSocket.bound(to: .loopback(0), .datagram)
            target = DatagramPeer(.loopback(port))
        }

        func send(_ text: String) { Array(text.utf8).withUnsafeBytes { socket.sendDatagram($0, to: target) } }

        var received: String? {
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 2048, alignment: 16)
            defer { buffer.deallocate() }
            return socket.receiveDatagram(into: buffer).map { String(decoding: buffer[..<$0.count], as: UTF8.self) }
        }
    }

    private func answer(_ datagrams: PortDatagrams, _ text: String, from: UInt16, to port: UInt16, at now: UInt64) {
        Array(text.utf8).withUnsafeBytes { datagrams.answer(from: from, to: port, $0, at: now) }
    }

    @Test func eachSenderGetsItsOwnAnswerAndNobodyElseAny() throws {
        let door = try InternetSocket.bound(to: .loopback(0), .datagram)
        let datagrams = PortDatagrams()
        datagrams.open(1, door, to: 53)
        let port = try #require(door.localPort)
        let (first, second) = (try Sender(to: port), try Sender(to: port))
        first.send("one")
        second.send("two")
        first.send("one again")
        var seen: [(port: UInt16, text: String)] = []
        datagrams.serve(1, at: 1) { seen.append(($0, String(decoding: $2, as: UTF8.self) + ":\($1)")) }
        #expect(seen.map(\.text) == ["one:53", "two:53", "one again:53"])
        #expect(seen[0].port == seen[2].port && seen[0].port != seen[1].port)
        answer(datagrams, "to two", from: 53, to: seen[1].port, at: 2)
        answer(datagrams, "from another port", from: 54, to: seen[0].port, at: 2)
        answer(datagrams, "to nobody", from: 53, to: 9, at: 2)
        #expect(second.received == "to two")
        #expect(first.received == nil)
        // After its time a port of the router's stands for nobody.
        answer(datagrams, "late", from: 53, to: seen[0].port, at: 2 + PortDatagrams.patience.unanswered)
        #expect(first.received == nil)
        answer(datagrams, "still", from: 53, to: seen[1].port, at: 2 + PortDatagrams.patience.unanswered)
        #expect(second.received == "still")
        datagrams.close(1)
        answer(datagrams, "closed", from: 53, to: seen[1].port, at: 3)
        #expect(second.received == nil)
    }

    @Test func aFloodOfSendersTakesNothingOfWhomTheGuestAnswers() throws {
        let door = try InternetSocket.bound(to: .loopback(0), .datagram)
        let datagrams = PortDatagrams()
        datagrams.open(1, door, to: 53)
        let port = try #require(door.localPort)
        let friend = try Sender(to: port)
        friend.send("hello")
        var friends: UInt16 = 0
        datagrams.serve(1, at: 1) { port, _, _ in friends = port }
        answer(datagrams, "hello you", from: 53, to: friends, at: 1)
        #expect(friend.received == "hello you")
        for turn in 0..<(PortDatagrams.limit + 50) {
            try Sender(to: port).send("x")
            datagrams.serve(1, at: 2 + UInt64(turn)) { _, _, _ in }
            #expect(datagrams.count <= PortDatagrams.limit)
        }
        answer(datagrams, "still you", from: 53, to: friends, at: 1000)
        #expect(friend.received == "still you")
    }

    @Test func whatFitsInNoFrameIsDropped() throws {
        let door = try InternetSocket.bound(to: .loopback(0), .datagram)
        let datagrams = PortDatagrams()
        datagrams.open(1, door, to: 53)
        let sender = try Sender(to: try #require(door.localPort))
        sender.send(String(repeating: "x", count: PortDatagrams.largest + 1))
        sender.send(String(repeating: "y", count: PortDatagrams.largest))
        var sizes: [Int] = []
        datagrams.serve(1, at: 1) { sizes.append($2.count) }
        #expect(sizes == [PortDatagrams.largest])
        let data = [UInt8](repeating: 7, count: PortDatagrams.largest)
        let frame = data.withUnsafeBytes {
            DatagramFrame.make(to: FrameBuilder.guestHardware, from: 40_000, to: 53, $0)
        }
        #expect(frame.count == 1514)
        #expect(isSound(frame))
    }

    // MARK: The filter

    @Test func answersFromPublishedPortsPassAndNoOthers() {
        for mode in GuestNetworkMode.allCases {
            var filter = FrameFilter(
                policy: FramePolicy(mode: mode, hostAddresses: [], forwardedPorts: [8080]))
            filter.policy.publishedDatagrams = [53]
            func verdict(_ frame: [UInt8]) -> FrameVerdict { frame.withUnsafeBytes { filter.verdict(on: $0) } }
            let own = FrameBuilder()
            #expect(verdict(own.udp(from: 53, to: VirtualNetwork.router, 40_000)) == .answersDatagram)
            #expect(verdict(own.udp(from: 54, to: VirtualNetwork.router, 40_000)) == .drop(.virtualNetwork))
            #expect(verdict(own.udp(from: 53, to: VirtualNetwork.gateway, 40_000)) == .drop(.virtualNetwork))
            #expect(
                verdict(own.tcp(from: 8080, to: VirtualNetwork.router, 9, flags: 0x12)) == .allow(opensFlow: false))
            #expect(
                verdict(own.tcp(from: 8080, to: VirtualNetwork.router, 9, flags: 0x02)) == .drop(.virtualNetwork))
            #expect(
                verdict(own.tcp(from: 8081, to: VirtualNetwork.router, 9, flags: 0x12)) == .drop(.virtualNetwork))
        }
    }
}
