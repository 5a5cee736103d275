import Glibc

/// Whole small files.
package enum FileContents {
    /// Reads a file of at most `limit` bytes.
    /// - Throws: ``SystemCallError``; EFBIG when it is longer.
    package static func read(_ path: String, limit: Int) throws(SystemCallError) -> [UInt8] {
        let file = try FileHandle(path: path, flags: O_RDONLY)
        let size = Int(try file.status().st_size)
        guard size <= limit else { throw SystemCallError(code: EFBIG, call: "read", subject: path) }
        // Files of /proc and /sys say 0; they are read up to the limit.
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: size == 0 ? min(limit, 65_536) : size, alignment: 8)
        defer { buffer.deallocate() }
        let count = try file.read(into: buffer, at: 0)
        return Array(buffer[..<count])
    }

    /// Reads a file of text; bytes that are no UTF-8 become replacement characters.
    /// - Throws: ``SystemCallError``.
    package static func readText(_ path: String, limit: Int) throws(SystemCallError) -> String {
        String(decoding: try read(path, limit: limit), as: UTF8.self)
    }
}
