import Glibc
import Linux

/// A file without a place, for inputs of parsers that take a path.
final class MemoryFile: Sendable {
    private let handle: FileHandle?

    init() {
        let path = "/dev/shm/oscircular-fuzz-\(getpid())"
        handle = try? FileHandle(path: path, flags: O_RDWR | O_CREAT | O_EXCL)
        unlink(path)
    }

    /// Replaces what it holds.
    /// - Returns: a path that opens it; nil when there is no memory for that.
    func hold(_ bytes: [UInt8]) -> String? {
        guard let handle, ftruncate(handle.descriptor, 0) == 0, lseek(handle.descriptor, 0, SEEK_SET) == 0,
            (try? bytes.withUnsafeBytes({ try handle.write($0) })) != nil
        else { return nil }
        return "/proc/self/fd/\(handle.descriptor)"
    }
}
