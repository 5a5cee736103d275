import CLinux
import Glibc

// The floor of the package. Every descriptor, file, folder, process, signal, timer and wait of the modules above goes through this one: each
// call has one place here, repeats what a signal interrupted, and throws a `SystemCallError` that names the call and what it was about.
// A file is a `FileHandle`, reached by its path (`Paths`, for places that the user named) or by its name in an open `Folder` (for places
// where others may put links). A program is a `ChildProcess`, a wait for several things a `PollSource`, a wait for another thread a
// `Monitor`, and something to be done later an alarm of the `TimerQueue`.

/// One open file descriptor, closed when the last reference goes.
package final class FileHandle: Sendable {
    /// The number; valid while this object lives.
    package let descriptor: Int32

    /// Takes ownership of an open descriptor.
    package init(owning descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// Opens a file with O_CLOEXEC added.
    /// - Throws: ``SystemCallError`` of `open`.
    package convenience init(path: String, flags: Int32, mode: mode_t = 0o644) throws(SystemCallError) {
        self.init(owning: try FileCalls.open(path, flags, mode))
    }

    deinit { FileCalls.close(descriptor) }

    /// - Throws: ``SystemCallError`` of `fstat`.
    package func status() throws(SystemCallError) -> stat { try FileCalls.fstat(descriptor) }

    /// Which file is behind a descriptor that somebody else opened.
    /// - Throws: ``SystemCallError`` of `fstat`; EBADF where it is closed.
    package static func identity(of descriptor: Int32) throws(SystemCallError) -> FileIdentity {
        try FileCalls.fstat(descriptor).identity
    }

    /// Whether a name still leads to the file; one that was removed lives on only in its open descriptors.
    /// - Throws: ``SystemCallError`` of `fstat`.
    package func hasName() throws(SystemCallError) -> Bool { try status().st_nlink > 0 }

    /// Reads until the buffer is full or the file ends. Returns the bytes read.
    /// - Throws: ``SystemCallError`` of `pread`.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(SystemCallError) -> Int {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = try FileCalls.pread(descriptor, rest, offset + done)
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Writes the whole buffer at the descriptor's position.
    /// - Throws: ``SystemCallError`` of `write`.
    package func write(_ buffer: UnsafeRawBufferPointer) throws(SystemCallError) {
        var done = 0
        while done < buffer.count {
            done += try FileCalls.write(descriptor, UnsafeRawBufferPointer(rebasing: buffer[done...]))
        }
    }

    /// Writes the whole buffer at an offset; the descriptor's position stays where it is.
    /// - Throws: ``SystemCallError`` of `pwrite`.
    package func write(_ buffer: UnsafeRawBufferPointer, at offset: Int) throws(SystemCallError) {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeRawBufferPointer(rebasing: buffer[done...])
            done += try FileCalls.pwrite(descriptor, rest, offset + done)
        }
    }

    /// Makes the file so long: cut, or with a hole at its end.
    /// - Throws: ``SystemCallError`` of `ftruncate`.
    package func truncate(to size: Int) throws(SystemCallError) { try FileCalls.ftruncate(descriptor, size) }

    /// Waits until the file's bytes are on the disk.
    /// - Throws: ``SystemCallError`` of `fsync`.
    package func sync() throws(SystemCallError) { try FileCalls.fsync(descriptor) }

    /// Sets the file's modification time to now. What it cannot do (another's file, a read-only file system) it leaves.
    package func touch() {
        // Only the order in which a cache evicts depends on it.
        try? FileCalls.futimens(descriptor)
    }

    /// Sets the permission bits.
    /// - Throws: ``SystemCallError`` of `fchmod`.
    package func setPermissions(_ permissions: FilePermissions) throws(SystemCallError) {
        try FileCalls.fchmod(descriptor, permissions)
    }

    /// Gives the file to a user.
    /// - Parameter group: nil leaves it.
    /// - Throws: ``SystemCallError`` of `fchown`.
    package func setOwner(_ user: UserID, _ group: GroupID? = nil) throws(SystemCallError) {
        try FileCalls.fchown(descriptor, user, group ?? gid_t.max)
    }

    /// Bytes up to the end, by the descriptor's position; the position stays there.
    /// - Throws: ``SystemCallError`` of `lseek`; ESPIPE for a pipe.
    package func seekToEnd() throws(SystemCallError) -> Int { try FileCalls.lseek(descriptor, 0, SEEK_END) }

    /// The next bytes at or after `offset` that are no hole, up to the hole behind them; nil when only a hole is left. A file system
    /// or device that knows no holes gives one range to the file's end. Moves the descriptor's position.
    /// - Throws: ``SystemCallError`` of `lseek`.
    package func data(from offset: Int) throws(SystemCallError) -> Range<Int>? {
        do throws(SystemCallError) {
            let start = try FileCalls.lseek(descriptor, offset, FileHandle.seekData)
            return start..<max(start, try FileCalls.lseek(descriptor, start, FileHandle.seekHole))
        } catch  where error.code == ENXIO {
            return nil
        }
    }

    // lseek's whence values of Linux (linux/fs.h), which glibc hides behind _GNU_SOURCE.
    private static let seekData: Int32 = 3
    private static let seekHole: Int32 = 4

    /// Tells the kernel that the file will be read from its beginning to its end.
    package func willBeReadInOrder() {
        // Advice: reading works without it.
        _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
    }

    /// The next read or write without an offset is at the file's start.
    /// - Throws: ``SystemCallError`` of `lseek`; ESPIPE for a pipe.
    package func seekToStart() throws(SystemCallError) { _ = try FileCalls.lseek(descriptor, 0, SEEK_SET) }

    /// Takes the advisory lock of the whole file (`flock`). It ends with the descriptor.
    /// - Returns: false when `wait` is false and another holds it.
    /// - Throws: ``SystemCallError`` of `flock`.
    package func lock(exclusive: Bool, wait: Bool) throws(SystemCallError) -> Bool {
        do {
            try FileCalls.lock(descriptor, (exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB))
            return true
        } catch  where error.code == EWOULDBLOCK && !wait {
            return false
        }
    }

    /// As ``lock(exclusive:wait:)``, tried again and again for a while: for locks that others hold for moments.
    /// - Parameter milliseconds: with 0 it is tried once.
    /// - Returns: false when another held it all the time.
    package func lock(exclusive: Bool, within milliseconds: Int) throws(SystemCallError) -> Bool {
        let end = MonotonicClock.nanoseconds + UInt64(milliseconds) * 1_000_000
        while try !lock(exclusive: exclusive, wait: false) {
            guard MonotonicClock.nanoseconds < end else { return false }
            MonotonicClock.pause(milliseconds: 10)
        }
        return true
    }

    /// Gives the advisory lock back before the descriptor closes.
    package func unlock() {
        // Else it goes with the descriptor.
        try? FileCalls.lock(descriptor, LOCK_UN)
    }
}
