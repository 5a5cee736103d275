import CLinux
import Glibc

/// What a process may use, by the kernel's limits for each process (`man 2 getrlimit`).
package enum ResourceLimit: Sendable {
    /// Bytes of a memory image that is left by a crash.
    case core
    /// Descriptors.
    case openFiles
    /// Bytes of a file that it makes longer.
    case fileSize
    /// Bytes of memory of its own.
    case data

    private var number: Int32 {
        switch self {
        case .core: Int32(RLIMIT_CORE.rawValue)
        case .openFiles: Int32(RLIMIT_NOFILE.rawValue)
        case .fileSize: Int32(RLIMIT_FSIZE.rawValue)
        case .data: Int32(RLIMIT_DATA.rawValue)
        }
    }

    /// Lowers the limit of this process or another of this user's, or leaves it where it is lower. The programs that it starts inherit it.
    /// - Throws: ``SystemCallError`` of `prlimit`; ESRCH when the process has ended.
    package func lower(to value: Int, of process: ProcessID) throws(SystemCallError) {
        try systemCall("prlimit", "\(process)") { osc_lower_limit(process, number, UInt64(max(value, 0))) }
    }
}
