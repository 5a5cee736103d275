import CLinux
import Glibc

/// A running process, by a descriptor that never means another one, even when its number is used again.
package final class ProcessDescriptor: Sendable {
    package let pid: pid_t
    private let handle: FileHandle

    /// For poll; readable when the process has ended.
    package var descriptor: Int32 { handle.descriptor }

    /// nil when there is no such process.
    package init?(pid: pid_t) {
        let descriptor = osc_pidfd_open(pid)
        guard descriptor >= 0 else { return nil }
        self.pid = pid
        handle = FileHandle(owning: descriptor)
    }

    /// Blocks the calling thread.
    /// - Returns: false when the process still runs after `milliseconds`.
    package func waitForEnd(milliseconds: Int32) -> Bool {
        var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while true {
            let count = poll(&item, 1, milliseconds)
            if count >= 0 { return count > 0 }
            if errno != EINTR { return false }
        }
    }
}
