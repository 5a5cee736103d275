import Linux

/// Datagrams at published UDP ports, in the network's process. One thread.
///
/// libslirp would show the guest whoever sent them, and let the guest answer through this host to anybody. Here each sender is a port of the
/// router's to the guest, and what the guest sends there goes to that sender alone, by the socket that it came in by.
final class PortDatagrams {
    /// Senders that are known at once, all ports together.
    static let limit = 256
    /// A sender that nobody answers is forgotten after the first time, one that is answered after the second one; nanoseconds.
    static let patience: (unanswered: UInt64, answered: UInt64) = (30_000_000_000, 180_000_000_000)
    /// Bytes of data that a frame has room for: larger datagrams are dropped, as the guest's own ones are.
    static let largest = 1500 - 28
    /// Taken from one socket before others have their turn.
    private static let turn = 64

    private struct Door {
        let socket: FileHandle
        let guestPort: UInt16
    }

    private struct Key: Hashable {
        let door: Int
        let peer: DatagramPeer
    }

    private struct Flow {
        let key: Key
        var used: UInt64
        var isAnswered = false

        func isOver(at now: UInt64) -> Bool {
            now > used + (isAnswered ? PortDatagrams.patience.answered : PortDatagrams.patience.unanswered)
        }
    }

    private var doors: [Int: Door] = [:]
    /// By the router's port.
    private var flows: [UInt16: Flow] = [:]
    private var ports: [Key: UInt16] = [:]
    private var nextPort: UInt16 = 32_768
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 2048, alignment: 16)

    deinit { buffer.deallocate() }

    var guestPorts: Set<UInt16> { Set(doors.values.map(\.guestPort)) }
    var count: Int { flows.count }

    /// - Parameter number: what the session calls the port.
    func open(_ number: Int, _ socket: FileHandle, to guestPort: UInt16) {
        guard doors[number] == nil else { return }
        doors[number] = Door(socket: socket, guestPort: guestPort)
    }

    func close(_ number: Int) {
        doors[number] = nil
        for (port, flow) in flows where flow.key.door == number { forget(port) }
    }

    var sources: [(number: Int, source: PollSource)] {
        doors.sorted { $0.key < $1.key }.map { ($0.key, PollSource($0.value.socket.descriptor)) }
    }

    /// Takes what waits at a port.
    /// - Parameter deliver: gets the port that it seems to come from, the guest's port, and the data.
    func serve(_ number: Int, at now: UInt64, _ deliver: (UInt16, UInt16, UnsafeRawBufferPointer) -> Void) {
        guard let door = doors[number] else { return }
        for _ in 0..<Self.turn {
            guard let (count, peer) = door.socket.receiveDatagram(into: buffer) else { return }
            guard count <= Self.largest, let port = port(Key(door: number, peer: peer), at: now) else { continue }
            deliver(port, door.guestPort, UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    /// Sends what the guest answers.
    /// - Parameters:
    ///   - guestPort: where it comes from, and must.
    ///   - port: of the router, where it goes to.
    func answer(from guestPort: UInt16, to port: UInt16, _ data: UnsafeRawBufferPointer, at now: UInt64) {
        guard var flow = flows[port], !flow.isOver(at: now), let door = doors[flow.key.door],
            door.guestPort == guestPort
        else { return }
        flow.used = now
        flow.isAnswered = true
        flows[port] = flow
        door.socket.sendDatagram(data, to: flow.key.peer)
    }

    /// The port that stands for a sender; nil where there are too many.
    private func port(_ key: Key, at now: UInt64) -> UInt16? {
        if let port = ports[key], var flow = flows[port], !flow.isOver(at: now) {
            flow.used = now
            flows[port] = flow
            return port
        }
        if let port = ports[key] { forget(port) }
        if flows.count >= Self.limit {
            for (port, flow) in flows where flow.isOver(at: now) { forget(port) }
        }
        if flows.count >= Self.limit {
            // Whoever the guest talks to stays.
            guard let oldest = flows.filter({ !$0.value.isAnswered }).min(by: { $0.value.used < $1.value.used }) else {
                return nil
            }
            forget(oldest.key)
        }
        // There are more ports than flows.
        while flows[nextPort] != nil { advance() }
        let port = nextPort
        advance()
        flows[port] = Flow(key: key, used: now)
        ports[key] = port
        return port
    }

    private func advance() { nextPort = nextPort == 60_999 ? 32_768 : nextPort + 1 }

    private func forget(_ port: UInt16) {
        guard let flow = flows.removeValue(forKey: port) else { return }
        ports[flow.key] = nil
    }
}

/// A datagram from the router to the guest, as an Ethernet frame.
enum DatagramFrame {
    /// libslirp's own hardware address for the router: 52:55 and the address.
    static let router: [UInt8] = [0x52, 0x55] + bytes(VirtualNetwork.router)

    private static func bytes(_ address: IPv4Address) -> [UInt8] {
        withUnsafeBytes(of: address.value.bigEndian) { Array($0) }
    }

    private static func big(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xFF)] }

    /// - Parameters:
    ///   - hardware: the guest's.
    ///   - data: ``PortDatagrams/largest`` bytes at most.
    static func make(
        to hardware: [UInt8], from port: UInt16, to guestPort: UInt16, _ data: UnsafeRawBufferPointer
    ) -> [UInt8] {
        let length = UInt16(8 + data.count)
        let ends = bytes(VirtualNetwork.router) + bytes(VirtualNetwork.guest)
        var header: [UInt8] = [0x45, 0] + big(20 + length) + [0, 0, 0x40, 0, 64, 17, 0, 0] + ends
        header.replaceSubrange(10..<12, with: big(checksum(header)))
        var segment = big(port) + big(guestPort) + big(length) + [0, 0] + data
        let sum = checksum(ends + [0, 17] + big(length) + segment)
        // Zero would say that there is none.
        segment.replaceSubrange(6..<8, with: big(sum == 0 ? 0xFFFF : sum))
        return hardware + router + [0x08, 0] + header + segment
    }

    /// ARP: the router asks where the guest is.
    static var question: [UInt8] {
        [UInt8](repeating: 0xFF, count: 6) + router + [0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1] + router
            + bytes(VirtualNetwork.router) + [UInt8](repeating: 0, count: 6) + bytes(VirtualNetwork.guest)
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0
        var index = 0
        while index < bytes.count {
            sum += UInt32(bytes[index]) << 8 | (index + 1 < bytes.count ? UInt32(bytes[index + 1]) : 0)
            index += 2
        }
        while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
        return ~UInt16(sum)
    }
}
