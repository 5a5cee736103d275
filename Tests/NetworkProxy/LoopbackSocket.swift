import Glibc
import Linux

/// TCP sockets of this machine that never block.
enum LoopbackSocket {
    private static let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    /// The kernel holds so much of a server's answer for us: what the line has not carried should be with the server, so
    /// that a server's death is felt.
    private static let window: Int32 = 131_072

    /// - Parameter port: 0 for any.
    static func listen(port: Int) throws(SystemCallError) -> FileHandle {
        let handle = FileHandle(owning: try systemCall("socket") { socket(AF_INET, type, 0) })
        set(handle, SOL_SOCKET, SO_REUSEADDR, 1)
        try systemCall("bind", "port \(port)") { withAddress(port) { bind(handle.descriptor, $0, $1) } }
        try systemCall("listen") { Glibc.listen(handle.descriptor, 512) }
        return handle
    }

    /// Begins to connect; whether it works shows later.
    static func connect(port: Int) throws(SystemCallError) -> FileHandle {
        let handle = FileHandle(owning: try systemCall("socket") { socket(AF_INET, type, 0) })
        set(handle, SOL_SOCKET, SO_RCVBUF, window)
        sendAtOnce(handle)
        let result = withAddress(port) { Glibc.connect(handle.descriptor, $0, $1) }
        if result != 0 && errno != EINPROGRESS { throw .last("connect", "port \(port)") }
        return handle
    }

    static func port(of handle: FileHandle) -> Int {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(handle.descriptor, $0, &length) }
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// Pieces go out as they come: the delays are ours to make.
    static func sendAtOnce(_ handle: FileHandle) { set(handle, Int32(IPPROTO_TCP), TCP_NODELAY, 1) }

    private static func set(_ handle: FileHandle, _ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        setsockopt(handle.descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func withAddress<Result>(
        _ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
