import CLinux
import Glibc

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
        self.init(owning: try systemCall("open", path) { open(path, flags | O_CLOEXEC, mode) })
    }

    deinit { close(descriptor) }

    /// - Throws: ``SystemCallError`` of `fstat`.
    package func status() throws(SystemCallError) -> stat {
        var status = stat()
        try systemCall("fstat") { fstat(descriptor, &status) }
        return status
    }

    /// Reads until the buffer is full or the file ends. Returns the bytes read.
    /// - Throws: ``SystemCallError`` of `pread`.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(SystemCallError) -> Int {
        var done = 0
        while done < buffer.count {
            let count = try systemCall("pread") {
                pread(descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done, off_t(offset + done))
            }
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
            done += try systemCall("write") {
                Glibc.write(descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done)
            }
        }
    }

    /// Takes the advisory lock of the whole file (`flock`). It ends with the descriptor.
    /// - Returns: false when `wait` is false and another holds it.
    /// - Throws: ``SystemCallError`` of `flock`.
    package func lock(exclusive: Bool, wait: Bool) throws(SystemCallError) -> Bool {
        let operation = (exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB)
        do {
            try systemCall("flock") { flock(descriptor, operation) }
            return true
        } catch  where error.code == EWOULDBLOCK && !wait {
            return false
        }
    }

    /// Gives the advisory lock back before the descriptor closes.
    package func unlock() {
        _ = flock(descriptor, LOCK_UN)
    }
}
