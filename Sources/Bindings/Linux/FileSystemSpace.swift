import CLinux
import Glibc

/// How big a file system is, and how much of it this process may still use.
package struct FileSystemSpace: Sendable, Equatable {
    /// Bytes in all.
    package let total: Int
    /// Bytes free for unprivileged users.
    package let available: Int

    /// - Throws: ``SystemCallError`` of `fstatvfs`.
    package init(of descriptor: Int32) throws(SystemCallError) {
        var status = statvfs()
        try systemCall("fstatvfs") { fstatvfs(descriptor, &status) }
        total = Int(clamping: UInt64(status.f_blocks).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
        available = Int(
            clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
    }
}
