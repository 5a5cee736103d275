import CLinux
import Glibc

extension FileHandle {
    /// Bounds how long one read or write on a socket may block.
    package func setSocketTimeout(seconds: Int) {
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, size)
    }

    /// A connection that waits on a listening socket, close-on-exec and non-blocking; nil when there is none.
    package func acceptNonblocking() -> FileHandle? {
        let connection = osc_accept4(descriptor, Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue))
        return connection >= 0 ? FileHandle(owning: connection) : nil
    }
}
