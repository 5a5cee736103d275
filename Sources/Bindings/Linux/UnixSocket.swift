import CLinux
import Glibc

/// Stream sockets in the file system.
package enum UnixSocket {
    /// Listens at a path; an older socket there is replaced.
    /// - Parameter mode: permission bits of the socket's file.
    /// - Throws: ``SystemCallError``; ENAMETOOLONG when the path has more than 107 bytes.
    package static func listen(at path: String, mode: mode_t = 0o600) throws(SystemCallError) -> FileHandle {
        let handle = try make()
        var address = try address(path)
        unlink(path)
        // The umask closes the moment between bind and chmod.
        let previous = umask(0o177)
        defer { umask(previous) }
        try systemCall("bind", path) {
            withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(handle.descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }
        try systemCall("chmod", path) { chmod(path, mode) }
        try systemCall("listen", path) { Glibc.listen(handle.descriptor, 16) }
        return handle
    }

    /// Connects to a listening socket.
    /// - Parameter timeout: seconds for connecting and for each later read or write; nil waits for ever.
    /// - Throws: ``SystemCallError``: ENOENT, ECONNREFUSED, EACCES …
    package static func connect(to path: String, timeout: Int? = nil) throws(SystemCallError) -> FileHandle {
        let handle = try make()
        if let timeout { setTimeout(handle, seconds: timeout) }
        var address = try address(path)
        try systemCall("connect", path) {
            withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.connect(handle.descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }
        return handle
    }

    /// Waits for the next connection. Blocks.
    /// - Throws: ``SystemCallError``; EINVAL after the listening socket was shut down.
    package static func accept(_ listener: FileHandle) throws(SystemCallError) -> FileHandle {
        let descriptor = try systemCall("accept") { Glibc.accept(listener.descriptor, nil, nil) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        return FileHandle(owning: descriptor)
    }

    /// Bounds how long one read or write on the socket may block.
    package static func setTimeout(_ handle: FileHandle, seconds: Int) {
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(handle.descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, size)
        setsockopt(handle.descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, size)
    }

    private static func make() throws(SystemCallError) -> FileHandle {
        FileHandle(
            owning: try systemCall("socket") {
                socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            })
    }

    private static func address(_ path: String) throws(SystemCallError) -> sockaddr_un {
        var address = sockaddr_un()
        guard osc_unix_address(&address, path) == 0 else {
            throw SystemCallError(code: ENAMETOOLONG, call: "bind", subject: path)
        }
        return address
    }
}
