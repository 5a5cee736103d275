import Glibc
import Linux

/// A stream of the C library, as ncurses wants it. Closed once, with the object.
final class OutputStream {
    let pointer: UnsafeMutablePointer<FILE>

    /// Writes to a copy of the descriptor.
    /// - Throws: ``SystemCallError`` of `dup` or `fdopen`.
    init(copyOf descriptor: Int32) throws(SystemCallError) {
        let copy = try systemCall("dup") { dup(descriptor) }
        guard let pointer = fdopen(copy, "w") else {
            let error = SystemCallError.last("fdopen")
            Glibc.close(copy)
            throw error
        }
        self.pointer = pointer
    }

    deinit { fclose(pointer) }
}
