import CSlirp
import Glibc
import Linux

/// Connections of the host that somebody else accepted.
///
/// libslirp accepts connections itself, and shows the guest whoever made them: addresses that the guest could not answer. One that comes
/// over a unix socket it gives an address of its own. So it gets such a connection, and the socket behind it is exchanged for the other one
/// before a byte has gone through it.
extension SlirpStack {
    /// Makes a connection one to the guest's port behind `entrance`.
    /// - Parameters:
    ///   - connection: a stream socket of any family that does not wait; the caller may close it.
    ///   - entrance: libslirp's descriptor of the listening unix socket at `path`, which nobody else connects to.
    /// - Returns: libslirp's descriptor of the connection: libslirp's alone to close.
    /// - Throws: ``SystemCallError``; the connection is not taken then.
    package func adopt(
        _ connection: FileHandle, through entrance: Int32, at path: String
    ) throws(SystemCallError) -> Int32 {
        checkThread()
        let client = FileHandle(
            owning: try systemCall("socket") {
                socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
            })
        // The family alone is "any name": by it the other end is known.
        var family = sockaddr_un()
        family.sun_family = sa_family_t(AF_UNIX)
        _ = try withUnsafePointer(to: &family) { pointer throws(SystemCallError) in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address throws(SystemCallError) in
                try systemCall("bind") {
                    bind(client.descriptor, address, socklen_t(MemoryLayout<sa_family_t>.size))
                }
            }
        }
        let name = Self.name(of: client.descriptor) { getsockname($0, $1, $2) }
        guard name.count > 2 else { throw SystemCallError(.invalidArgument, call: "bind") }
        try UnixListener.withAddress(path) { (address, length) throws(SystemCallError) in
            try systemCall("connect", path) { connect(client.descriptor, address, length) }
        }
        // The kernel gives out the lowest free descriptor.
        let next = FileHandle(owning: try systemCall("dup") { fcntl(client.descriptor, F_DUPFD, 0) }).descriptor
        fillPolled()
        // Nothing else happens meanwhile.
        for index in polled.indices { polled[index].revents = polled[index].fd == entrance ? Int16(POLLIN) : 0 }
        servePolled()
        guard
            let taken = ([next] + Array(0..<Self.mostDescriptors)).first(where: {
                Self.name(of: $0) { getpeername($0, $1, $2) } == name
            })
        else { throw SystemCallError(.connectionAborted, call: "accept", subject: path) }
        try systemCall("dup2") { dup2(connection.descriptor, taken) }
        return taken
    }

    /// More are never open.
    private static let mostDescriptors: Int32 = 4096

    private static func name(
        of descriptor: Int32, _ call: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> [UInt8] {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { call(descriptor, $0, &length) }
        }
        guard result == 0 else { return [] }
        return withUnsafeBytes(of: &storage) { Array($0[..<min(Int(length), $0.count)]) }
    }
}
