import Glibc

/// Whole small files.
package enum FileContents {
    /// Reads a file, or a pipe to its end, of at most `limit` bytes.
    /// - Throws: ``SystemCallError``; EFBIG when it is longer.
    package static func read(_ path: String, limit: Int) throws(SystemCallError) -> [UInt8] {
        let file = try FileHandle(path: path, flags: O_RDONLY)
        let status = try file.status()
        guard status.st_size <= limit else { throw SystemCallError(code: EFBIG, call: "read", subject: path) }
        // What has no size says nothing of its length: a pipe, a terminal; and a file of /proc, of which the first part will do.
        if status.st_size == 0 {
            return try readToEnd(file, path, limit: limit, isCut: status.st_mode & S_IFMT == S_IFREG)
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(status.st_size), alignment: 8)
        defer { buffer.deallocate() }
        let count = try file.read(into: buffer, at: 0)
        return Array(buffer[..<count])
    }

    private static func readToEnd(
        _ file: FileHandle, _ path: String, limit: Int, isCut: Bool
    ) throws(SystemCallError) -> [UInt8] {
        var bytes: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 8)
        defer { buffer.deallocate() }
        while true {
            let count = try FileCalls.read(file.descriptor, buffer)
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            if bytes.count <= limit { continue }
            guard isCut else { throw SystemCallError(code: EFBIG, call: "read", subject: path) }
            return Array(bytes.prefix(limit))
        }
    }

    /// Reads a file of text; bytes that are no UTF-8 become replacement characters.
    /// - Throws: ``SystemCallError``.
    package static func readText(_ path: String, limit: Int) throws(SystemCallError) -> String {
        String(decoding: try read(path, limit: limit), as: UTF8.self)
    }
}
