import CLinux
import Glibc

/// An eventfd: any thread signals it, a thread that polls wakes up.
package final class EventDescriptor: Sendable {
    private let handle: FileHandle

    /// - Throws: ``SystemCallError`` of `eventfd`.
    package init() throws(SystemCallError) {
        handle = FileHandle(owning: try systemCall("eventfd") { eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK)) })
    }

    /// For poll; readable once signalled.
    package var descriptor: Int32 { handle.descriptor }

    /// Makes the descriptor readable. Does not wait.
    package func signal() {
        var one: UInt64 = 1
        _ = Glibc.write(descriptor, &one, 8)
    }

    /// Makes the descriptor unreadable again. Does not wait.
    package func clear() {
        var count: UInt64 = 0
        _ = Glibc.read(descriptor, &count, 8)
    }

    /// Holds the calling thread until it is signalled, and leaves it so: any number of threads may wait.
    /// - Returns: false when `milliseconds` passed first (negative: no limit).
    @discardableResult
    package func wait(milliseconds: Int32 = -1) -> Bool {
        var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while true {
            let count = poll(&item, 1, milliseconds)
            if count >= 0 { return count > 0 }
            if errno != EINTR { return false }
        }
    }
}
