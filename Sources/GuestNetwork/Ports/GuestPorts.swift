import Linux
import Slirp

/// The published ports of the guest, in the network's process: what the session says of them, and what comes and goes through them.
final class GuestPorts {
    private let connections: PortConnections
    private let datagrams = PortDatagrams()
    private let slots: PortSlots
    private let peer: FramePeer
    private var kinds: [Int: PublishedPort.Transport] = [:]
    /// What was waited for last.
    private var waiting: [(number: Int, transport: PublishedPort.Transport)] = []

    init(connections: PortConnections, slots: PortSlots, peer: FramePeer) {
        (self.connections, self.slots, self.peer) = (connections, slots, peer)
    }

    var tcpPorts: Set<UInt16> { slots.guestPorts }
    var udpPorts: Set<UInt16> { datagrams.guestPorts }
    /// Sockets of published ports, which libslirp counts among its own.
    var socketCount: Int { connections.socketCount }

    func open(_ number: Int, _ transport: PublishedPort.Transport, _ socket: FileHandle, to guestPort: UInt16) {
        kinds[number] = transport
        switch transport {
        case .tcp: connections.open(number, socket, to: guestPort)
        case .udp: datagrams.open(number, socket, to: guestPort)
        }
    }

    func close(_ number: Int) {
        switch kinds.removeValue(forKey: number) {
        case .tcp: connections.close(number)
        case .udp: datagrams.close(number)
        case nil: break
        }
    }

    /// What is to be waited for: nothing before there is a guest to ask.
    func sources(at now: UInt64) -> [PollSource] {
        guard !kinds.isEmpty, peer.stream != nil else {
            waiting = []
            return []
        }
        let streams = connections.sources(at: now)
        let others = datagrams.sources
        waiting = streams.map { ($0.number, .tcp) } + others.map { ($0.number, .udp) }
        return streams.map(\.source) + others.map(\.source)
    }

    /// Milliseconds after which somebody who waits is looked for again; nil where poll says so.
    func longestSleep(at now: UInt64) -> UInt32? { peer.stream != nil && connections.isHeld(at: now) ? 20 : nil }

    /// - Parameter sources: those of the last call of ``sources(at:)``, as they were found.
    func serve(_ sources: ArraySlice<PollSource>, at now: UInt64) {
        for (source, (number, transport)) in zip(sources, waiting) where source.hasNews {
            switch transport {
            case .tcp: connections.serve(number, at: now)
            case .udp: datagrams.serve(number, at: now) { peer.deliver(from: $0, to: $1, $2) }
            }
        }
    }

    /// A datagram of the guest's to the router, which the filter has checked.
    func answer(_ frame: UnsafeRawBufferPointer, at now: UInt64) {
        let length = Int(frame.uint16(38))
        guard frame.count >= 34 + length, length >= 8 else { return }
        datagrams.answer(
            from: frame.uint16(34), to: frame.uint16(36), UnsafeRawBufferPointer(rebasing: frame[42..<34 + length]),
            at: now)
    }
}

extension FramePeer {
    /// Datagrams that wait for the guest's hardware address to be known.
    private static let mostWaiting = 16

    /// Sends a datagram to the guest, as the router. Those of a flood take no more than a part of what waits for a guest that does not read.
    func deliver(from port: UInt16, to guestPort: UInt16, _ data: UnsafeRawBufferPointer) {
        guard let stream, stream.backlog < FrameStream.outputLimit / 4 else { return }
        let frame = DatagramFrame.make(
            to: hardware ?? [UInt8](repeating: 0, count: 6), from: port, to: guestPort, data)
        if hardware != nil {
            frame.withUnsafeBytes { stream.write($0) }
        } else {
            if waiting.count < Self.mostWaiting { waiting.append(frame) }
            DatagramFrame.question.withUnsafeBytes { stream.write($0) }
        }
    }

    /// The guest has said where it is.
    func learn(_ frame: UnsafeRawBufferPointer) {
        let found = Array(frame[6..<12])
        if hardware != found { hardware = found }
        guard !waiting.isEmpty else { return }
        for var frame in waiting {
            frame.replaceSubrange(..<6, with: found)
            frame.withUnsafeBytes { stream?.write($0) }
        }
        waiting = []
    }
}
