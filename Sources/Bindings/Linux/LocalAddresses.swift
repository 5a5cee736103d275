import CLinux
import Glibc

/// The IPv4 addresses that this host answers at, as the kernel's routes of type "local" name them, and notice of changes.
///
/// Routes rather than interface addresses, because `ip route add local 203.0.113.0/24 dev lo` makes addresses local that no
/// interface has. Sees the network namespace of the thread that makes the object, and opens no socket later. For one thread.
package final class LocalAddresses: Sendable {
    private let handle: FileHandle
    /// For questions; a second one, lest their answers mix with the notices.
    private let questions: FileHandle

    /// For poll; readable when something changed.
    package var descriptor: Int32 { handle.descriptor }

    /// Starts to listen for changes.
    /// - Throws: ``SystemCallError`` of `socket` or `bind`.
    package init() throws(SystemCallError) {
        handle = try Self.openSocket(groups: UInt32(RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE))
        questions = try Self.openSocket(groups: 0)
        // With strict checking the kernel filters by type itself (Linux 4.20); without, all routes come and we filter.
        var on: Int32 = 1
        setsockopt(questions.descriptor, SOL_NETLINK, Int32(NETLINK_GET_STRICT_CHK), &on, 4)
        var wait = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(questions.descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
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
        var route = rtmsg()
        route.rtm_family = UInt8(AF_INET)
        route.rtm_type = UInt8(RTN_LOCAL)
        return try ask(RTM_GETROUTE, withUnsafeBytes(of: &route) { Array($0) }, answers: RTM_NEWROUTE, Self.localPrefix)
    }

    /// The networks that the host's interfaces are in, by their addresses' netmasks: whoever is there is reached without a router. Those
    /// of less than 8 bits are left out: they are a tunnel's way to everywhere, not a neighbourhood. Takes microseconds.
    /// - Throws: as ``read()``.
    package func neighbourhoods() throws(SystemCallError) -> Set<IPv4Prefix> {
        var address = ifaddrmsg()
        address.ifa_family = UInt8(AF_INET)
        return try ask(
            RTM_GETADDR, withUnsafeBytes(of: &address) { Array($0) }, answers: RTM_NEWADDR, Self.interfacePrefix)
    }

    /// The prefixes of all answers of one type.
    private func ask(
        _ question: Int, _ body: [UInt8], answers: Int, _ prefix: (UnsafeRawBufferPointer) -> IPv4Prefix?
    ) throws(SystemCallError) -> Set<IPv4Prefix> {
        var header = nlmsghdr()
        header.nlmsg_len = UInt32(MemoryLayout<nlmsghdr>.size + body.count)
        header.nlmsg_type = UInt16(question)
        header.nlmsg_flags = UInt16(NLM_F_REQUEST | NLM_F_DUMP)
        // Answers to a question that was given up may come still.
        header.nlmsg_seq = UInt32(truncatingIfNeeded: MonotonicClock.nanoseconds / 1000)
        let message = withUnsafeBytes(of: &header) { Array($0) } + body
        try systemCall("send", "netlink") { send(questions.descriptor, message, message.count, 0) }

        var result: Set<IPv4Prefix> = []
        var failure: Int32?
        var finished = false
        var buffer = [UInt8](repeating: 0, count: 65536)
        while !finished {
            let count = try systemCall("recv", "netlink") { recv(questions.descriptor, &buffer, buffer.count, 0) }
            guard count > 0 else { throw SystemCallError(code: EIO, call: "recv", subject: "netlink") }
            buffer.withUnsafeBytes { bytes in
                Self.forEachMessage(
                    UnsafeRawBufferPointer(rebasing: bytes[..<count]), answering: header.nlmsg_seq
                ) { type, body in
                    switch Int(type) {
                    case Int(NLMSG_DONE): finished = true
                    case Int(NLMSG_ERROR): failure = body.count >= 4 ? -body.loadUnaligned(as: Int32.self) : EIO
                    case answers: if let prefix = prefix(body) { result.insert(prefix) }
                    default: break
                    }
                    return !finished && failure == nil
                }
            }
            if let failure { throw SystemCallError(code: failure, call: "dump", subject: "netlink") }
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

    /// Calls `body` with type and payload of each whole message, until it returns false.
    /// - Parameter sequence: the question that counts; nil for all.
    private static func forEachMessage(
        _ bytes: UnsafeRawBufferPointer, answering sequence: UInt32? = nil,
        _ body: (UInt16, UnsafeRawBufferPointer) -> Bool
    ) {
        var offset = 0
        while offset + 16 <= bytes.count {
            let length = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            let type = bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt16.self)
            guard length >= 16, length <= bytes.count - offset else { return }
            let number = bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt32.self)
            defer { offset += (length + 3) & ~3 }
            if let sequence, sequence != number { continue }
            guard body(type, UnsafeRawBufferPointer(rebasing: bytes[offset + 16..<offset + length])) else { return }
        }
    }

    /// The destination of one `rtmsg` of type local.
    private static func localPrefix(_ body: UnsafeRawBufferPointer) -> IPv4Prefix? {
        let header = MemoryLayout<rtmsg>.size
        guard body.count >= header, Int32(body[0]) == AF_INET, Int(body[7]) == Int(RTN_LOCAL) else { return nil }
        if let address = address(body, after: header, RTA_DST.rawValue) { return IPv4Prefix(address, Int(body[1])) }
        // A local route without a destination is the default one: every address is this host's.
        return body[1] == 0 ? IPv4Prefix(IPv4Address(value: 0), 0) : nil
    }

    /// The network of one `ifaddrmsg`; of a link with two ends, the other end.
    private static func interfacePrefix(_ body: UnsafeRawBufferPointer) -> IPv4Prefix? {
        let header = MemoryLayout<ifaddrmsg>.size
        guard body.count >= header, Int32(body[0]) == AF_INET, body[1] >= 8 else { return nil }
        return address(body, after: header, UInt32(IFA_ADDRESS)).map { IPv4Prefix($0, Int(body[1])) }
    }

    /// The address in an attribute of this kind.
    private static func address(_ body: UnsafeRawBufferPointer, after header: Int, _ kind: UInt32) -> IPv4Address? {
        var offset = header
        while offset + 4 <= body.count {
            let length = Int(body.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
            let type = body.loadUnaligned(fromByteOffset: offset + 2, as: UInt16.self)
            guard length >= 4, length <= body.count - offset else { return nil }
            if UInt32(type) == kind, length >= 8 {
                let value = UInt32(bigEndian: body.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
                return IPv4Address(value: value)
            }
            offset += (length + 3) & ~3
        }
        return nil
    }
}
