import CLinux
import Glibc

/// The IPv4 addresses that this host answers at, as the kernel's routes of type "local" name them, and notice of changes.
///
/// Routes rather than interface addresses, because `ip route add local 203.0.113.0/24 dev lo` makes addresses local that no
/// interface has. Sees the network namespace of the thread that makes the object.
package final class LocalAddresses: Sendable {
    private let handle: FileHandle

    /// For poll; readable when something changed.
    package var descriptor: Int32 { handle.descriptor }

    /// Starts to listen for changes.
    /// - Throws: ``SystemCallError`` of `socket` or `bind`.
    package init() throws(SystemCallError) {
        handle = try Self.openSocket(groups: UInt32(RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE))
    }

    /// Reads what the kernel has said since the last call.
    /// - Returns: true when addresses came or went (or messages were lost), so that ``read()`` gives others now.
    package func changed() -> Bool {
        var hasChanged = false
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count < 0 && errno == EINTR { continue }
            // Too many messages at once: some are lost, so everything may have changed.
            if count < 0 && errno == ENOBUFS {
                hasChanged = true
                continue
            }
            if count <= 0 { return hasChanged }
            buffer.withUnsafeBytes { bytes in
                Self.forEachMessage(UnsafeRawBufferPointer(rebasing: bytes[..<count])) { type, body in
                    switch Int(type) {
                    case Int(RTM_NEWADDR), Int(RTM_DELADDR): hasChanged = true
                    case Int(RTM_NEWROUTE), Int(RTM_DELROUTE):
                        if body.count > 7, Int(body[7]) == Int(RTN_LOCAL) { hasChanged = true }
                    default: break
                    }
                    return true
                }
            }
        }
    }

    /// All addresses of now. Asks the kernel; takes microseconds.
    /// - Throws: ``SystemCallError``; `EIO` when the kernel breaks off.
    package func read() throws(SystemCallError) -> Set<IPv4Prefix> {
        let handle = try Self.openSocket(groups: 0)
        // With strict checking the kernel filters by type itself (Linux 4.20); without, all routes come and we filter.
        var on: Int32 = 1
        setsockopt(handle.descriptor, SOL_NETLINK, Int32(NETLINK_GET_STRICT_CHK), &on, 4)
        var wait = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(handle.descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
        try Self.sendDump(handle.descriptor)

        var result: Set<IPv4Prefix> = []
        var failure: Int32?
        var finished = false
        var buffer = [UInt8](repeating: 0, count: 65536)
        while !finished {
            let count = try systemCall("recv", "netlink") { recv(handle.descriptor, &buffer, buffer.count, 0) }
            guard count > 0 else { throw SystemCallError(code: EIO, call: "recv", subject: "netlink") }
            buffer.withUnsafeBytes { bytes in
                Self.forEachMessage(UnsafeRawBufferPointer(rebasing: bytes[..<count])) { type, body in
                    switch Int(type) {
                    case Int(NLMSG_DONE): finished = true
                    case Int(NLMSG_ERROR): failure = body.count >= 4 ? -body.loadUnaligned(as: Int32.self) : EIO
                    case Int(RTM_NEWROUTE): if let prefix = Self.localPrefix(body) { result.insert(prefix) }
                    default: break
                    }
                    return !finished && failure == nil
                }
            }
            if let failure { throw SystemCallError(code: failure, call: "RTM_GETROUTE", subject: "netlink") }
        }
        return result
    }

    private static func openSocket(groups: UInt32) throws(SystemCallError) -> FileHandle {
        let handle = FileHandle(
            owning: try systemCall("socket", "netlink") {
                socket(AF_NETLINK, Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue), NETLINK_ROUTE)
            })
        var address = sockaddr_nl()
        address.nl_family = sa_family_t(AF_NETLINK)
        address.nl_groups = groups
        try systemCall("bind", "netlink") {
            withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(handle.descriptor, $0, socklen_t(MemoryLayout<sockaddr_nl>.size))
                }
            }
        }
        return handle
    }

    private static func sendDump(_ descriptor: Int32) throws(SystemCallError) {
        var header = nlmsghdr()
        var route = rtmsg()
        header.nlmsg_len = UInt32(MemoryLayout<nlmsghdr>.size + MemoryLayout<rtmsg>.size)
        header.nlmsg_type = UInt16(RTM_GETROUTE)
        header.nlmsg_flags = UInt16(NLM_F_REQUEST | NLM_F_DUMP)
        route.rtm_family = UInt8(AF_INET)
        route.rtm_type = UInt8(RTN_LOCAL)
        let message = withUnsafeBytes(of: &header) { Array($0) } + withUnsafeBytes(of: &route) { Array($0) }
        try systemCall("send", "netlink") { send(descriptor, message, message.count, 0) }
    }

    /// Calls `body` with type and payload of each whole message, until it returns false.
    private static func forEachMessage(
        _ bytes: UnsafeRawBufferPointer, _ body: (UInt16, UnsafeRawBufferPointer) -> Bool
    ) {
        var offset = 0
        while offset + 16 <= bytes.count {
            let length = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            let type = bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt16.self)
            guard length >= 16, length <= bytes.count - offset else { return }
            guard body(type, UnsafeRawBufferPointer(rebasing: bytes[offset + 16..<offset + length])) else { return }
            offset += (length + 3) & ~3
        }
    }

    /// The destination of one `rtmsg` of type local.
    private static func localPrefix(_ body: UnsafeRawBufferPointer) -> IPv4Prefix? {
        let header = MemoryLayout<rtmsg>.size
        guard body.count >= header, Int32(body[0]) == AF_INET, Int(body[7]) == Int(RTN_LOCAL) else { return nil }
        var offset = header
        while offset + 4 <= body.count {
            let length = Int(body.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
            let type = body.loadUnaligned(fromByteOffset: offset + 2, as: UInt16.self)
            guard length >= 4, length <= body.count - offset else { return nil }
            if Int(type) == Int(RTA_DST.rawValue), length >= 8 {
                let value = UInt32(bigEndian: body.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
                return IPv4Prefix(IPv4Address(value: value), Int(body[1]))
            }
            offset += (length + 3) & ~3
        }
        // A local route without a destination is the default one: every address is this host's.
        return body[1] == 0 ? IPv4Prefix(IPv4Address(value: 0), 0) : nil
    }
}
