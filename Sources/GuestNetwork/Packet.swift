/// What of an IPv4 packet's payload the filter looks at.
enum Packet {
    /// The flags of a TCP header.
    struct Flags {
        let bits: UInt8

        var synchronise: Bool { bits & 0x02 != 0 }
        var reset: Bool { bits & 0x04 != 0 }
        var acknowledge: Bool { bits & 0x10 != 0 }
        /// Part of a connection that the other side began: never the first segment of one.
        var isAnswer: Bool { acknowledge || reset && !synchronise }
    }

    case tcp(from: UInt16, to: UInt16, Flags)
    case udp(from: UInt16, to: UInt16)
    case echoRequest

    /// nil for a protocol that is not carried and for headers that do not fit.
    init?(protocolNumber: UInt8, segment: UnsafeRawBufferPointer) {
        switch protocolNumber {
        case 1:
            // Type 8, code 0: ping. Nothing else is of use to a guest behind address translation.
            guard segment.count >= 8, segment[0] == 8, segment[1] == 0 else { return nil }
            self = .echoRequest
        case 6:
            guard segment.count >= 20 else { return nil }
            let header = Int(segment[12] >> 4) * 4
            guard header >= 20, header <= segment.count else { return nil }
            self = .tcp(from: segment.uint16(0), to: segment.uint16(2), Flags(bits: segment[13]))
        case 17:
            guard segment.count >= 8 else { return nil }
            let length = Int(segment.uint16(4))
            guard length >= 8, length <= segment.count else { return nil }
            self = .udp(from: segment.uint16(0), to: segment.uint16(2))
        default:
            return nil
        }
    }

    /// A client's message to a DHCP server.
    var isDHCP: Bool {
        if case .udp(from: 68, to: 67) = self { true } else { false }
    }

    /// Datagrams may open one each; of TCP only the first segment does.
    var opensFlow: Bool {
        if case .tcp(_, _, let flags) = self { flags.synchronise && !flags.acknowledge } else { true }
    }
}
