import Linux
import Logging
import Slirp

// The network of a guest is a process of its own (`oscircular run-network`), which the session starts and holds by a pair of sockets
// (`NetworkKeeper`). The session has the connection to QEMU and the listening sockets, and hands them over; when the process dies, the next
// one goes on with the same. It ends with its session.

/// The network's process.
package enum NetworkProcess {
    /// What the session says at the start.
    package struct Options: Sendable {
        package var mode: GuestNetworkMode
        /// The ssh gateway's socket: each connection of the guest to 10.0.2.2:22 becomes one to it.
        package var gatewayPath: String
        /// Who root becomes; nil for a process that is not root's.
        package var user: (id: UserID, group: GroupID)?
        /// The listening socket whose connections go to the guest's port 22 is open, see ``guestListenerDescriptor``.
        package var hasGuestListener: Bool

        package init(
            mode: GuestNetworkMode, gatewayPath: String, user: (id: UserID, group: GroupID)?, hasGuestListener: Bool
        ) {
            self.mode = mode
            self.gatewayPath = gatewayPath
            self.user = user
            self.hasGuestListener = hasGuestListener
        }
    }

    /// What is open in the process besides its standard error.
    static let controlDescriptor: Int32 = 3
    static let guestListenerDescriptor: Int32 = 4

    /// Confines the process, then serves the guest until the session ends. For the main thread of a process that has no other.
    /// - Throws: ``GuestNetworkError`` when it cannot begin.
    package static func run(_ options: Options) throws(GuestNetworkError) {
        // libslirp sends without MSG_NOSIGNAL.
        Signal.blockAll()
        let control = MessageSocket(FileHandle(owning: controlDescriptor))
        let listener = options.hasGuestListener ? FileHandle(owning: guestListenerDescriptor) : nil
        // The session has put this process where it belongs by now.
        guard case .message(let bytes, _) = control.receive(wait: true), let text = NetworkOrder(bytes)?.resolverText
        else { return }
        do throws(SystemCallError) {
            // What needs sockets that the filter does not let it make, or files that are gone then.
            let addresses = try LocalAddresses()
            let (peer, slots) = (FramePeer(), PortSlots())
            let stack = try makeStack(options, peer, slots)
            var confinement = try NetworkConfinement.enterNamespaces(
                gatewayPath: options.gatewayPath, user: options.user)
            try forward(stack, gatewayPath: confinement.gatewayPath, listener: listener)
            let connections = PortConnections(
                stack: stack, slots: slots, entrances: try entrances(stack, confinement.entrance),
                path: confinement.entrance?.path ?? "")
            let loop = try FrameLoop(
                mode: options.mode, isGuestServed: listener != nil, addresses: addresses, stack: stack, peer: peer,
                control: control, resolver: confinement.resolver,
                ports: GuestPorts(connections: connections, slots: slots, peer: peer), slots: slots)
            loop.setResolver(text)
            try confinement.giveUpRights()
            try confinement.close()
            // The entrance's name is used until the end.
            withExtendedLifetime(confinement) { loop.run(missing: confinement.missing) }
        } catch {
            throw GuestNetworkError(error)
        }
    }

    static func makeStack(
        _ options: Options, _ peer: FramePeer, _ slots: PortSlots = PortSlots()
    ) throws(SystemCallError) -> SlirpStack {
        do throws(SlirpError) {
            return try SlirpStack(
                SlirpConfiguration(
                    network: VirtualNetwork.network, host: VirtualNetwork.router, firstLease: VirtualNetwork.guest,
                    nameserver: VirtualNetwork.nameserver, restricted: options.mode == .none, guestName: "guest"),
                deliver: { frame in
                    guard let changed = slots.forGuest(frame) else { return peer.deliver(frame) }
                    if !changed.isEmpty { changed.withUnsafeBytes { peer.deliver($0) } }
                }, complain: { _ in })
        } catch {
            throw SystemCallError(.invalidArgument, call: "\(error)")
        }
    }

    private static func forward(
        _ stack: SlirpStack, gatewayPath: String, listener: FileHandle?
    ) throws(SystemCallError) {
        do throws(SlirpError) {
            try stack.forwardGuest(VirtualNetwork.gateway, port: VirtualNetwork.sshPort, to: gatewayPath)
            if let listener {
                try stack.forwardHost(
                    from: listener.descriptor, to: VirtualNetwork.guest, port: VirtualNetwork.sshPort)
            }
        } catch {
            throw SystemCallError(.invalidArgument, call: "\(error)")
        }
    }

    /// Where connections at published ports come in: one for each port of the guest that may be published at once.
    /// - Parameter listener: whose socket all of them have; none without it.
    static func entrances(_ stack: SlirpStack, _ listener: UnixListener?) throws(SystemCallError) -> [Int32] {
        guard let listener else { return [] }
        do throws(SlirpError) {
            var entrances: [Int32] = []
            for slot in 0..<PortSlots.count {
                entrances.append(
                    try stack.forwardHost(
                        from: listener.descriptor, to: VirtualNetwork.guest, port: PortSlots.entrancePort(slot)))
            }
            return entrances
        } catch {
            throw SystemCallError(.invalidArgument, call: "\(error)")
        }
    }
}

/// What the session tells the network's process, as one message each.
enum NetworkOrder: Equatable {
    /// The lines of resolv.conf that name resolvers. The first order, and again when they change.
    case resolver(String)
    /// With it comes the connection to QEMU.
    case peer
    /// Answered with ``NetworkReport/counts(_:)``.
    case count
    /// With it comes the socket of a published port; the number is what both call it.
    case publish(Int, PublishedPort.Transport, guestPort: UInt16)
    /// The port is published no longer.
    case withdraw(Int)

    var resolverText: String? { if case .resolver(let text) = self { text } else { nil } }

    var bytes: [UInt8] {
        switch self {
        case .resolver(let text): Array("r\(text)".utf8)
        case .peer: Array("q".utf8)
        case .count: Array("c".utf8)
        case .publish(let number, let transport, let guestPort):
            Array("p\(number) \(transport.rawValue) \(guestPort)".utf8)
        case .withdraw(let number): Array("w\(number)".utf8)
        }
    }

    /// nil for what this is not.
    init?(_ bytes: [UInt8]) {
        switch bytes.first {
        case UInt8(ascii: "r"): self = .resolver(String(decoding: bytes.dropFirst(), as: UTF8.self))
        case UInt8(ascii: "q"): self = .peer
        case UInt8(ascii: "c"): self = .count
        case UInt8(ascii: "p"), UInt8(ascii: "w"):
            let words = String(decoding: bytes.dropFirst(), as: UTF8.self).split(separator: " ").map(String.init)
            guard let number = words.first.flatMap({ Int($0) }) else { return nil }
            if bytes.first == UInt8(ascii: "w") {
                self = .withdraw(number)
            } else {
                guard words.count == 3, let transport = PublishedPort.Transport(rawValue: words[1]),
                    let guestPort = UInt16(words[2])
                else { return nil }
                self = .publish(number, transport, guestPort: guestPort)
            }
        default: return nil
        }
    }
}

/// What the network's process tells the session. The session takes it for the word of somebody who may be a guest by now.
enum NetworkReport: Equatable {
    /// It is confined, but for what is named, and serves.
    case ready(missing: [String])
    /// Frames that went no further.
    case counts([FrameDropReason: Int])

    var bytes: [UInt8] {
        switch self {
        case .ready(let missing): Array("R\(missing.joined(separator: "\n"))".utf8)
        case .counts(let counts):
            Array("C\(counts.map { "\($0.key.rawValue) \($0.value)" }.joined(separator: "\n"))".utf8)
        }
    }

    /// nil for what this is not.
    init?(_ bytes: [UInt8]) {
        let lines = String(decoding: bytes.dropFirst(), as: UTF8.self).split(separator: "\n")
        switch bytes.first {
        case UInt8(ascii: "R"): self = .ready(missing: lines.map(String.init))
        case UInt8(ascii: "C"):
            var counts: [FrameDropReason: Int] = [:]
            for line in lines {
                let words = line.split(separator: " ")
                guard words.count == 2, let reason = FrameDropReason(rawValue: String(words[0])),
                    let count = Int(words[1])
                else { return nil }
                counts[reason] = count
            }
            self = .counts(counts)
        default: return nil
        }
    }
}
