import Glibc

/// An address of IPv4 or IPv6 with a port, as a user writes it: in numbers, never as a name that somebody has to be asked for.
package struct InternetAddress: Sendable, Hashable, Codable {
    /// In network order: 4 bytes, or 16.
    package let bytes: [UInt8]
    package let port: UInt16

    package var isIPv6: Bool { bytes.count == 16 }

    /// 127.0.0.1.
    package static func loopback(_ port: UInt16) -> InternetAddress {
        InternetAddress(bytes: [127, 0, 0, 1], port: port)
    }

    private init(bytes: [UInt8], port: UInt16) { (self.bytes, self.port) = (bytes, port) }

    /// nil for what is no address in numbers.
    /// - Parameter host: without brackets, and without a zone such as `%eth0`.
    package init?(host: String, port: UInt16) {
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, host, &four) == 1 {
            self.init(bytes: withUnsafeBytes(of: four) { Array($0) }, port: port)
        } else if inet_pton(AF_INET6, host, &six) == 1 {
            self.init(bytes: withUnsafeBytes(of: six) { Array($0) }, port: port)
        } else {
            return nil
        }
    }

    /// `127.0.0.1`, or `::1`.
    package var host: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let result = bytes.withUnsafeBytes {
            inet_ntop(isIPv6 ? AF_INET6 : AF_INET, $0.baseAddress, &text, socklen_t(INET6_ADDRSTRLEN))
        }
        return result == nil
            ? "?" : String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Gives the address as the kernel wants it, for the duration of the call.
    @discardableResult
    func withSocketAddress<Result>(
        _ body: (UnsafePointer<sockaddr>, socklen_t) throws(SystemCallError) -> Result
    ) throws(SystemCallError) -> Result {
        var storage = sockaddr_storage()
        let length: Int
        if isIPv6 {
            length = MemoryLayout<sockaddr_in6>.size
        } else {
            length = MemoryLayout<sockaddr_in>.size
        }
        withUnsafeMutableBytes(of: &storage) { target in
            target.storeBytes(of: sa_family_t(isIPv6 ? AF_INET6 : AF_INET), as: sa_family_t.self)
            target.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
            // sin_addr follows the port; sin6_addr follows the flow's label.
            target.baseAddress?.advanced(by: isIPv6 ? 8 : 4).copyMemory(from: bytes, byteCount: bytes.count)
        }
        return try withUnsafePointer(to: &storage) { pointer throws(SystemCallError) in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address throws(SystemCallError) in
                try body(address, socklen_t(length))
            }
        }
    }
}

extension InternetAddress: CustomStringConvertible {
    /// `127.0.0.1:8080`, or `[::1]:8080`.
    package var description: String { isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
