import Linux

/// Judges each Ethernet frame of the guest before libslirp sees it. An allow list inside the virtual network; outside, what
/// could be this host or its neighbours is dropped.
///
/// libslirp alone is not enough: it connects to any address as a process of this host, so 0.0.0.0 and every address of an
/// interface reach the host's own services.
package struct FrameFilter: Sendable {
    package var policy: FramePolicy
    private var questions = DNSConnections()
    /// The hardware address that has the guest's lease: libslirp gives another one another address, and none to it later.
    private var leaseholder: [UInt8]?

    package init(policy: FramePolicy) {
        self.policy = policy
    }

    /// - Parameter frame: from the destination's hardware address on, without checksum; any bytes, any length.
    package mutating func verdict(on frame: UnsafeRawBufferPointer) -> FrameVerdict {
        guard frame.count >= 14 else { return .drop(.malformed) }
        // No sender has the group bit.
        guard frame[6] & 1 == 0 else { return .drop(.malformed) }
        let payload = UnsafeRawBufferPointer(rebasing: frame[14...])
        switch frame.uint16(12) {
        case 0x0800: return verdict(onIPv4: payload, from: frame[6..<12])
        case 0x0806: return verdict(onARP: payload, from: frame[6..<12])
        default: return .drop(.protocolNotCarried)
        }
    }

    private func verdict(
        onARP packet: UnsafeRawBufferPointer, from hardware: Slice<UnsafeRawBufferPointer>
    ) -> FrameVerdict {
        guard packet.count >= 28 else { return .drop(.malformed) }
        // Ethernet, IPv4, address lengths 6 and 4, request or reply.
        guard packet.uint16(0) == 1, packet.uint16(2) == 0x0800, packet[4] == 6, packet[5] == 4,
            (1...2).contains(packet.uint16(6))
        else { return .drop(.protocolNotCarried) }
        let sender = packet.address(14)
        // A probe before the lease has no sender's address yet.
        guard sender == VirtualNetwork.guest || sender.value == 0 else { return .drop(.wrongSource) }
        // libslirp sends the guest's frames to the address named here from now on: it must be one that frames come from.
        guard packet[8..<14].elementsEqual(hardware) else { return .drop(.wrongSource) }
        guard VirtualNetwork.network.contains(packet.address(24)) else { return .drop(.protocolNotCarried) }
        return .allow(opensFlow: false)
    }

    private mutating func verdict(
        onIPv4 bytes: UnsafeRawBufferPointer, from hardware: Slice<UnsafeRawBufferPointer>
    ) -> FrameVerdict {
        guard bytes.count >= 20, bytes[0] >> 4 == 4, bytes[0] & 0x0F >= 5 else { return .drop(.malformed) }
        guard bytes[0] & 0x0F == 5 else { return .drop(.ipOptions) }
        let total = Int(bytes.uint16(2))
        guard total >= 20, total <= bytes.count else { return .drop(.malformed) }
        // Three flags (reserved, don't fragment, more fragments) and the offset.
        let fragment = bytes.uint16(6)
        guard fragment & 0x8000 == 0 else { return .drop(.malformed) }
        guard fragment & 0x3FFF == 0 else { return .drop(.ipFragment) }
        let segment = UnsafeRawBufferPointer(rebasing: bytes[20..<total])
        guard let packet = Packet(protocolNumber: bytes[9], segment: segment) else {
            return .drop([1, 6, 17].contains(bytes[9]) ? .malformed : .protocolNotCarried)
        }
        let source = bytes.address(12)
        let destination = bytes.address(16)

        if packet.isDHCP, source.value == 0 || source == VirtualNetwork.guest,
            destination.value == UInt32.max || destination == VirtualNetwork.router
        {
            return verdict(onDHCP: segment, from: hardware)
        }
        guard source == VirtualNetwork.guest else { return .drop(.wrongSource) }
        return VirtualNetwork.network.contains(destination)
            ? verdict(on: packet, segment, inside: destination) : verdict(on: packet, outside: destination)
    }

    /// - Parameter segment: UDP's header and the message (RFC 2131, figure 1).
    private mutating func verdict(
        onDHCP segment: UnsafeRawBufferPointer, from hardware: Slice<UnsafeRawBufferPointer>
    ) -> FrameVerdict {
        guard segment.count >= 8 + 236 else { return .drop(.malformed) }
        // A request, Ethernet, six bytes of hardware address: the sender's own, and always the same.
        guard segment[8] == 1, segment[9] == 1, segment[10] == 6 else { return .drop(.malformed) }
        let client = segment[36..<42]
        guard client.elementsEqual(hardware), leaseholder.map(client.elementsEqual) ?? true else {
            return .drop(.wrongSource)
        }
        leaseholder = Array(client)
        return .allow(opensFlow: false)
    }

    /// Five things are allowed inside; a sixth would be one more door to this host.
    private mutating func verdict(
        on packet: Packet, _ segment: UnsafeRawBufferPointer, inside destination: IPv4Address
    ) -> FrameVerdict {
        switch (destination, packet) {
        case (VirtualNetwork.gateway, .tcp(_, to: VirtualNetwork.sshPort, _)):
            return .allow(opensFlow: packet.opensFlow)
        case (VirtualNetwork.nameserver, .tcp(let port, to: 53, let flags)) where policy.mode != .none:
            let data = UnsafeRawBufferPointer(rebasing: segment[(Int(segment[12] >> 4) * 4)...])
            let sequence = UInt32(segment.uint16(4)) << 16 | UInt32(segment.uint16(6))
            return questions.allows(from: port, flags, sequence: sequence, data)
                ? .allow(opensFlow: packet.opensFlow) : .drop(.notAQuestion)
        case (VirtualNetwork.nameserver, .udp(_, to: 53)) where policy.mode != .none:
            let data = UnsafeRawBufferPointer(rebasing: segment[8..<Int(segment.uint16(4))])
            return DNSQuestion.isWellFormed(data) ? .allow(opensFlow: true) : .drop(.notAQuestion)
        case (VirtualNetwork.router, .tcp(let port, _, let flags))
        where policy.forwardedPorts.contains(port) && flags.isAnswer:
            return .allow(opensFlow: false)
        case (VirtualNetwork.router, .udp(let port, _)) where policy.publishedDatagrams.contains(port):
            return .answersDatagram
        default:
            return .drop(.virtualNetwork)
        }
    }

    private func verdict(on packet: Packet, outside destination: IPv4Address) -> FrameVerdict {
        if Self.special.contains(where: { $0.contains(destination) }) { return .drop(.specialAddress) }
        guard policy.mode != .none else { return .drop(.outside) }
        guard let hostAddresses = policy.hostAddresses else { return .drop(.hostAddressesUnknown) }
        if hostAddresses.contains(where: { $0.contains(destination) }) { return .drop(.hostAddress) }
        if policy.mode != .lan, Self.privateNetworks.contains(where: { $0.contains(destination) }) {
            return .drop(.privateNetwork)
        }
        if policy.mode != .lan, policy.neighbourhoods.contains(where: { $0.contains(destination) }) {
            return .drop(.neighbourhood)
        }
        return .allow(opensFlow: packet.opensFlow)
    }

    /// "This host" (Linux takes it for loopback), loopback, link-local (cloud metadata), multicast to broadcast.
    static let special = [
        IPv4Prefix(IPv4Address(0, 0, 0, 0), 8), IPv4Prefix(IPv4Address(127, 0, 0, 0), 8),
        IPv4Prefix(IPv4Address(169, 254, 0, 0), 16), IPv4Prefix(IPv4Address(224, 0, 0, 0), 3),
    ]

    /// RFC 1918 and the carrier's shared space (RFC 6598).
    static let privateNetworks = [
        IPv4Prefix(IPv4Address(10, 0, 0, 0), 8), IPv4Prefix(IPv4Address(172, 16, 0, 0), 12),
        IPv4Prefix(IPv4Address(192, 168, 0, 0), 16), IPv4Prefix(IPv4Address(100, 64, 0, 0), 10),
    ]
}

extension UnsafeRawBufferPointer {
    /// Two bytes in network order; the caller has checked the length.
    func uint16(_ offset: Int) -> UInt16 { UInt16(self[offset]) << 8 | UInt16(self[offset + 1]) }

    func address(_ offset: Int) -> IPv4Address {
        IPv4Address(self[offset], self[offset + 1], self[offset + 2], self[offset + 3])
    }
}

/// What ``FrameFilter`` judges by.
package struct FramePolicy: Sendable, Equatable {
    package var mode: GuestNetworkMode
    /// Addresses of this host, on any interface; nil when they are not known, then nothing outside is reachable.
    package var hostAddresses: Set<IPv4Prefix>?
    /// Networks that an interface of this host is in, whatever their addresses: closed but in mode `lan`.
    package var neighbourhoods: Set<IPv4Prefix>
    /// Ports of the guest whose answers to the router are let through, because the host connects to them.
    package var forwardedPorts: Set<UInt16>
    /// UDP ports of the guest that are published: what it sends from there to the router is an answer, or dropped as none.
    package var publishedDatagrams: Set<UInt16> = []

    package init(
        mode: GuestNetworkMode, hostAddresses: Set<IPv4Prefix>?, neighbourhoods: Set<IPv4Prefix> = [],
        forwardedPorts: Set<UInt16> = []
    ) {
        self.mode = mode
        self.hostAddresses = hostAddresses
        self.neighbourhoods = neighbourhoods
        self.forwardedPorts = forwardedPorts
    }
}

/// What becomes of one frame from the guest.
package enum FrameVerdict: Sendable, Equatable {
    /// - opensFlow: libslirp may open a socket of the host for it.
    case allow(opensFlow: Bool)
    /// Not for libslirp: to whoever sent the guest a datagram at a published port, if anybody did.
    case answersDatagram
    case drop(FrameDropReason)
}

/// Why a frame goes no further.
package enum FrameDropReason: String, Sendable, CaseIterable {
    /// Shorter than its headers say, or headers that contradict themselves.
    case malformed
    /// Neither IPv4 nor ARP (IPv6 among them), or an ARP that is not about the virtual network.
    case protocolNotCarried
    case ipFragment
    case ipOptions
    /// Not the guest's own address, or a hardware address that is not the sender's.
    case wrongSource
    /// An address or port of the virtual network that offers nothing.
    case virtualNetwork
    /// 0/8, 127/8, 169.254/16, multicast and above, broadcast.
    case specialAddress
    case hostAddress
    /// The host's addresses could not be read, so any address might be one.
    case hostAddressesUnknown
    /// Private networks without `lan`.
    case privateNetwork
    /// A network with public addresses that this host is in, without `lan`.
    case neighbourhood
    /// To the resolver, and not a well-formed question.
    case notAQuestion
    /// Anything outside in mode `none`.
    case outside
    /// Not the filter's verdict: too many sockets are open already.
    case tooManyFlows
    /// Nor this: too many were opened in a short time.
    case tooManyNewFlows
}
