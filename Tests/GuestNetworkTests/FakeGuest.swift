import Glibc
import Linux

@testable import GuestNetwork

/// A guest made of frames: just enough Ethernet, ARP, DHCP and TCP to knock at doors. Blocks; for worker threads.
final class FakeGuest {
    /// One TCP segment that arrived.
    struct Segment {
        let source: IPv4Address
        let ports: (from: UInt16, to: UInt16)
        let flags: UInt8
        let sequence: UInt32
        let acknowledgement: UInt32
        let data: [UInt8]
    }

    private let socket: FileHandle
    private var unread: [UInt8] = []
    private var waiting: [[UInt8]] = []
    private var nextPort: UInt16 = 40000
    private(set) var hungUp = false
    var builder = FrameBuilder()

    init(socketPath: String) throws {
        socket = try UnixListener.connect(to: socketPath)
    }

    func send(_ frame: [UInt8]) throws {
        try sendRaw(withUnsafeBytes(of: UInt32(frame.count).bigEndian) { Array($0) } + frame)
    }

    func sendRaw(_ bytes: [UInt8]) throws {
        try systemCall("send") { Glibc.send(socket.descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }
    }

    /// The next frame; nil when none comes in time or the other side hung up. Answers ARP for the guest by itself.
    func receive(milliseconds: Int = 3000) throws -> [UInt8]? {
        let deadline = MonotonicClock.nanoseconds + UInt64(milliseconds) * 1_000_000
        while true {
            if !waiting.isEmpty {
                let frame = waiting.removeFirst()
                if frame.count >= 42, frame[12] == 8, frame[13] == 6, frame[21] == 1, frame[41] == 15 {
                    try send(
                        builder.arp(
                            for: IPv4Address(frame[28], frame[29], frame[30], frame[31]), operation: 2,
                            to: Array(frame[22..<28])))
                    continue
                }
                return frame
            }
            let now = MonotonicClock.nanoseconds
            var item = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
            guard now < deadline, poll(&item, 1, Int32((deadline - now) / 1_000_000) + 1) > 0 else { return nil }
            var buffer = [UInt8](repeating: 0, count: 65536)
            let count = recv(socket.descriptor, &buffer, buffer.count, 0)
            guard count > 0 else {
                hungUp = true
                return nil
            }
            unread += buffer[..<count]
            let whole = try unread.withUnsafeBytes { bytes in
                let whole = try Frames.length(of: bytes)
                Frames.forEach(in: UnsafeRawBufferPointer(rebasing: bytes[..<whole])) { waiting.append(Array($0)) }
                return whole
            }
            unread.removeFirst(whole)
        }
    }

    /// The hardware address that answers for `address`.
    func resolve(_ address: IPv4Address) throws -> [UInt8]? {
        try send(builder.arp(for: address))
        while let frame = try receive(milliseconds: 1000) {
            if frame[12] == 8, frame[13] == 6, frame[21] == 2 { return Array(frame[22..<28]) }
        }
        return nil
    }

    /// The address that DHCP offers.
    func discover() throws -> IPv4Address? {
        try send(builder.dhcpDiscover())
        while let frame = try receive() {
            // After Ethernet, IP and UDP: a reply, "your address" at 16.
            if frame.count > 300, frame[23] == 17, frame[42] == 2 {
                return IPv4Address(frame[58], frame[59], frame[60], frame[61])
            }
        }
        return nil
    }

    func receiveSegment(milliseconds: Int = 3000) throws -> Segment? {
        while let frame = try receive(milliseconds: milliseconds) {
            guard frame.count >= 54, frame[12] == 8, frame[13] == 0, frame[23] == 6 else { continue }
            let total = Int(frame[16]) << 8 | Int(frame[17])
            let data = 34 + Int(frame[46] >> 4) * 4
            func word(_ offset: Int) -> UInt32 { frame[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) } }
            return Segment(
                source: IPv4Address(frame[26], frame[27], frame[28], frame[29]),
                ports: (UInt16(frame[34]) << 8 | UInt16(frame[35]), UInt16(frame[36]) << 8 | UInt16(frame[37])),
                flags: frame[47], sequence: word(38), acknowledgement: word(42), data: Array(frame[data..<14 + total]))
        }
        return nil
    }

    /// Sends a SYN. Returns the answer, whatever it is.
    func knock(_ address: IPv4Address, _ port: UInt16, milliseconds: Int = 3000) throws -> Segment? {
        nextPort += 1
        try send(builder.tcp(from: nextPort, to: address, port, flags: 0x02, sequence: 1000))
        return try receiveSegment(milliseconds: milliseconds)
    }

    /// Opens a connection and reads the first line that the server says.
    func banner(_ address: IPv4Address, _ port: UInt16) throws -> String? {
        guard let answer = try knock(address, port), answer.flags & 0x12 == 0x12 else { return nil }
        var expected = answer.sequence &+ 1
        var text: [UInt8] = []
        try send(builder.tcp(from: nextPort, to: address, port, flags: 0x10, sequence: 1001, acknowledgement: expected))
        while !text.contains(UInt8(ascii: "\n")), let segment = try receiveSegment(milliseconds: 5000) {
            guard segment.sequence == expected, !segment.data.isEmpty else { continue }
            text += segment.data
            expected &+= UInt32(segment.data.count)
            try send(
                builder.tcp(from: nextPort, to: address, port, flags: 0x10, sequence: 1001, acknowledgement: expected))
        }
        return String(decoding: text.prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
}
