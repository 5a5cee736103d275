import CLinux
import Glibc

/// A pipe whose ends are closed on exec.
package enum Pipe {
    /// - Throws: ``SystemCallError`` of `pipe2`.
    package static func make() throws(SystemCallError) -> (readEnd: FileHandle, writeEnd: FileHandle) {
        var ends: (Int32, Int32) = (0, 0)
        try systemCall("pipe2") {
            withUnsafeMutablePointer(to: &ends) {
                $0.withMemoryRebound(to: Int32.self, capacity: 2) { osc_pipe2($0, O_CLOEXEC) }
            }
        }
        return (FileHandle(owning: ends.0), FileHandle(owning: ends.1))
    }
}
