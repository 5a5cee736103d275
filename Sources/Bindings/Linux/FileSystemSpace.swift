import CLinux
import Glibc

/// How big a file system is, and how much of it this process may still use.
package struct FileSystemSpace: Sendable, Equatable {
    /// Bytes in all.
    package let total: Int
    /// Bytes free for unprivileged users.
    package let available: Int
    /// Files (inodes) that there can be; 0 where the file system does not count them.
    package let files: Int
    /// Of these, what is left for unprivileged users.
    package let availableFiles: Int

    /// - Throws: ``SystemCallError`` of `fstatvfs`.
    package init(of folder: Folder) throws(SystemCallError) {
        // A folder that nobody else holds would be closed as soon as its descriptor has been read.
        defer { withExtendedLifetime(folder) {} }
        self.init(try FileCalls.fstatvfs(folder.descriptor))
    }

    /// Asks by a path, which opens nothing: a file system that nobody serves any more answers with its error.
    /// - Throws: ``SystemCallError`` of `statvfs`.
    package init(ofPath path: String) throws(SystemCallError) { self.init(try FileCalls.fileSystemStatus(path)) }

    private init(_ status: statvfs) {
        // Some network file systems say 2^64 - 1 blocks.
        total = FileSystemSpace.product(UInt64(status.f_blocks), UInt64(status.f_frsize))
        available = FileSystemSpace.product(UInt64(status.f_bavail), UInt64(status.f_frsize))
        files = FileSystemSpace.product(UInt64(status.f_files), 1)
        availableFiles = FileSystemSpace.product(UInt64(status.f_favail), 1)
    }

    package init(total: Int, available: Int, files: Int = 0, availableFiles: Int = 0) {
        self.total = total
        self.available = available
        self.files = files
        self.availableFiles = availableFiles
    }

    private static func product(_ blocks: UInt64, _ size: UInt64) -> Int {
        let (bytes, overflow) = blocks.multipliedReportingOverflow(by: size)
        // Half of the range, so that sums do not overflow either.
        return overflow ? Int.max / 2 : min(Int(clamping: bytes), Int.max / 2)
    }
}
