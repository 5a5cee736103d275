import Glibc
import Linux
import TestSupport

@testable import GuestNetwork

/// Connections to published ports of this machine.
enum LoopbackPort {
    /// - Parameter seconds: for each call on it.
    static func connect(_ port: UInt16, seconds: Int = 20) throws -> FileHandle {
        let handle = FileHandle(
            owning: try systemCall("socket") { socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0) }
        )
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        name.sin_addr.s_addr = IPv4Address(127, 0, 0, 1).value.bigEndian
        _ = try withUnsafePointer(to: &name) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                try systemCall("connect") {
                    Glibc.connect(handle.descriptor, address, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
        handle.setSocketTimeout(seconds: seconds)
        return handle
    }
}
