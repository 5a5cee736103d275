import CLinux
import Glibc

/// Sockets at which this host is reached by others: bound here, used by a process that may not bind.
package enum InternetSocket {
    package enum Kind: Sendable { case stream, datagram }

    /// A socket with this address; a stream's does not listen yet. Neither waits.
    ///
    /// One of IPv6 does not take IPv4's connections along: who asks for `::` gets that.
    /// - Throws: ``SystemCallError`` of `bind`: EADDRINUSE, EACCES for a port that only root may take, EADDRNOTAVAIL for an address that
    ///   is not this host's.
    package static func bound(to address: InternetAddress, _ kind: Kind) throws(SystemCallError) -> FileHandle {
        let type =
            (kind == .stream ? SOCK_STREAM : SOCK_DGRAM).rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        let handle = FileHandle(
            owning: try systemCall("socket", "\(address)") {
                socket(address.isIPv6 ? AF_INET6 : AF_INET, Int32(type), 0)
            })
        if address.isIPv6 { handle.setOption(Int32(IPPROTO_IPV6), IPV6_V6ONLY) }
        // Connections of a listener that was there a moment ago do not hold its port. Datagrams would be shared with others.
        if kind == .stream { handle.setOption(SOL_SOCKET, SO_REUSEADDR) }
        try address.withSocketAddress { (name, length) throws(SystemCallError) in
            try systemCall("bind", "\(address)") { Glibc.bind(handle.descriptor, name, length) }
        }
        return handle
    }
}

/// Whom a datagram came from, as the kernel says it: an answer goes there.
package struct DatagramPeer: Sendable, Hashable {
    /// A socket address of any family.
    let bytes: [UInt8]

    /// A place that datagrams can be sent to.
    package init(_ address: InternetAddress) {
        // What has no call in it fails in none.
        let made = try? address.withSocketAddress { (name, length) throws(SystemCallError) in
            Array(UnsafeRawBufferPointer(start: name, count: Int(length)))
        }
        bytes = made ?? []
    }

    init(bytes: [UInt8]) { self.bytes = bytes }
}

extension FileHandle {
    /// Connections wait at a stream socket from now on.
    /// - Throws: ``SystemCallError`` of `listen`; EADDRINUSE where another was faster.
    package func listen(at address: InternetAddress) throws(SystemCallError) {
        try systemCall("listen", "\(address)") { Glibc.listen(descriptor, 128) }
    }

    /// Whoever holds the datagram socket receives nothing that comes from now on; what it sends is not held back.
    ///
    /// `shutdown` alone does not do that to a socket without a peer.
    package func receiveNothing() {
        // For want of memory only; who heeds what it is told closes the socket all the same.
        _ = osc_receive_nothing(descriptor)
    }

    fileprivate func setOption(_ level: Int32, _ name: Int32) {
        var one: Int32 = 1
        // These options fail for no socket of the kind that they are set on.
        _ = setsockopt(descriptor, level, name, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Makes a connection like those that libslirp accepts itself: small segments go out at once, urgent bytes come in order.
    package func prepareForRelay() {
        setOption(Int32(IPPROTO_TCP), TCP_NODELAY)
        setOption(SOL_SOCKET, SO_OOBINLINE)
    }

    /// The next datagram, without waiting; nil when there is none.
    /// - Returns: how many bytes it has, also where the buffer took fewer, and who sent it.
    package func receiveDatagram(into buffer: UnsafeMutableRawBufferPointer) -> (count: Int, peer: DatagramPeer)? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let count = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                recvfrom(
                    descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT) | Int32(MSG_TRUNC),
                    address, &length)
            }
        }
        guard count >= 0 else { return nil }
        let peer = withUnsafeBytes(of: &storage) { Array($0[..<min(Int(length), $0.count)]) }
        return (count, DatagramPeer(bytes: peer))
    }

    /// Sends a datagram without waiting; what the kernel has no room for is lost, as datagrams are.
    package func sendDatagram(_ bytes: UnsafeRawBufferPointer, to peer: DatagramPeer) {
        peer.bytes.withUnsafeBytes { name in
            guard let address = name.baseAddress else { return }
            _ = sendto(
                descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL),
                address.assumingMemoryBound(to: sockaddr.self), socklen_t(name.count))
        }
    }

    /// The port that a socket has on this host; nil for what has none.
    package var localPort: UInt16? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard result == 0, [sa_family_t(AF_INET), sa_family_t(AF_INET6)].contains(storage.ss_family) else { return nil }
        return withUnsafeBytes(of: &storage) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
    }
}
