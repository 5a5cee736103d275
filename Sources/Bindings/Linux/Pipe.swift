import CLinux
import Glibc

/// A pipe, both ends close-on-exec.
package struct Pipe: Sendable {
    package let reading: FileHandle
    package let writing: FileHandle

    /// - Throws: ``SystemCallError`` of `pipe2`.
    package init() throws(SystemCallError) {
        var ends: [Int32] = [-1, -1]
        try systemCall("pipe2") { osc_pipe2(&ends, O_CLOEXEC) }
        reading = FileHandle(owning: ends[0])
        writing = FileHandle(owning: ends[1])
    }
}
