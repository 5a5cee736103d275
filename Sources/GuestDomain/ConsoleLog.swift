import Glibc
import Linux

/// What a guest says on its serial port, on disk, bounded.
final class ConsoleLog {
    private let path: String
    private let limit: Int
    private var file: FileHandle?
    private var size = 0

    /// - Parameter file: from ``open(_:)``.
    init(path: String, limit: Int, file: FileHandle) {
        self.path = path
        self.limit = limit
        self.file = file
    }

    /// Appends; a full disk loses the log's end, never the guest.
    func append(_ bytes: UnsafeRawBufferPointer) {
        if size + bytes.count > limit {
            rename(path, path + ".1")
            file = try? ConsoleLog.open(path)
            size = 0
        }
        try? file?.write(bytes)
        size += bytes.count
    }

    /// Begins the log anew.
    static func open(_ path: String) throws(SystemCallError) -> FileHandle {
        try FileHandle(path: path, flags: O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW, mode: 0o600)
    }
}
