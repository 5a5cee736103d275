import Linux

/// Which of libslirp's entrances leads to which TCP port of the guest.
///
/// The network's process can make no listening socket once it is confined, and libslirp's entrances know their port from the beginning. So
/// there is a number of them, each with a port that stands for none; frames get the guest's real one on their way, and answers the other one.
/// One thread.
final class PortSlots {
    /// The first of the ports that stand for none: no frame of the guest's ever bears them.
    static let base: UInt16 = 0xFF00
    static let count = PublishedPort.limit + 1

    private struct Slot {
        /// Zero before its first use. It stays when nobody uses it any more, so that connections come to their end.
        var guestPort: UInt16 = 0
        var users = 0
        /// When it was given up last.
        var freed = 0
    }

    /// The first one is ssh's port, whose entrance needs no exchange: connections of the session's own come from the same one.
    private var slots = [Slot(guestPort: VirtualNetwork.sshPort)] + [Slot](repeating: Slot(), count: count - 1)
    private var turn = 0

    /// The port that libslirp believes the entrance to lead to.
    static func entrancePort(_ slot: Int) -> UInt16 { slot == 0 ? VirtualNetwork.sshPort : base + UInt16(slot) }

    /// Ports of the guest whose answers go on.
    var guestPorts: Set<UInt16> { Set(slots.dropFirst().map(\.guestPort).filter { $0 > 0 } + sshIfUsed) }

    private var sshIfUsed: [UInt16] { slots[0].users > 0 || slots[0].freed > 0 ? [VirtualNetwork.sshPort] : [] }

    /// The entrance for a port of the guest from now on; nil where all are in use.
    func take(_ guestPort: UInt16) -> Int? {
        let known = slots.firstIndex { $0.guestPort == guestPort }
        let oldest = slots.indices.dropFirst().filter { slots[$0].users == 0 }.min { slots[$0].freed < slots[$1].freed }
        guard let slot = known ?? oldest else { return nil }
        slots[slot].guestPort = guestPort
        slots[slot].users += 1
        return slot
    }

    func giveUp(_ slot: Int) {
        turn += 1
        slots[slot].users -= 1
        slots[slot].freed = turn
    }

    /// The frame of libslirp's as the guest gets it; nil where it stays as it is, an empty one where it goes nowhere.
    func forGuest(_ frame: UnsafeRawBufferPointer) -> [UInt8]? {
        guard TCPFrame.isOne(frame) else { return nil }
        let port = frame.uint16(TCPFrame.destinationPort)
        guard port > Self.base, port < Self.base + UInt16(Self.count), frame.address(26) == VirtualNetwork.router else {
            return nil
        }
        let guestPort = slots[Int(port - Self.base)].guestPort
        return guestPort == 0 ? [] : TCPFrame.changed(frame, TCPFrame.destinationPort, to: guestPort)
    }

    /// The guest's frame as libslirp gets it; nil where it stays as it is.
    func forStack(_ frame: UnsafeRawBufferPointer) -> [UInt8]? {
        guard TCPFrame.isOne(frame), frame.address(30) == VirtualNetwork.router else { return nil }
        let port = frame.uint16(TCPFrame.sourcePort)
        guard port > 0, let slot = slots.indices.dropFirst().first(where: { slots[$0].guestPort == port }) else {
            return nil
        }
        return TCPFrame.changed(frame, TCPFrame.sourcePort, to: Self.entrancePort(slot))
    }
}

/// Ports of a TCP segment in an Ethernet frame, behind an IPv4 header without options.
enum TCPFrame {
    static let sourcePort = 34
    static let destinationPort = 36
    private static let checksum = 50

    static func isOne(_ frame: UnsafeRawBufferPointer) -> Bool {
        frame.count >= 54 && frame.uint16(12) == 0x0800 && frame[14] == 0x45 && frame[23] == 6
    }

    /// The frame with another port, and the checksum that goes with it (RFC 1624, equation 3).
    static func changed(_ frame: UnsafeRawBufferPointer, _ place: Int, to port: UInt16) -> [UInt8] {
        var bytes = Array(frame)
        var sum = UInt32(~frame.uint16(checksum)) + UInt32(~frame.uint16(place)) + UInt32(port)
        while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
        let new = ~UInt16(sum)
        for (place, value) in [(place, port), (checksum, new)] {
            (bytes[place], bytes[place + 1]) = (UInt8(value >> 8), UInt8(value & 0xFF))
        }
        return bytes
    }
}
