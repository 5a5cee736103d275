import Glibc
import Linux

/// Files of a few kilobytes.
enum SmallFile {
    /// At most 64 KiB of the file.
    static func read(_ path: String) throws(SystemCallError) -> [UInt8] {
        let file = try FileHandle(path: path, flags: O_RDONLY)
        var bytes = [UInt8](repeating: 0, count: 65536)
        var count = 0
        var failure: SystemCallError?
        bytes.withUnsafeMutableBytes { buffer in
            do throws(SystemCallError) { count = try file.read(into: buffer, at: 0) } catch { failure = error }
        }
        if let failure { throw failure }
        return Array(bytes[..<count])
    }
}
