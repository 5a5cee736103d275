import Glibc

/// Files that appear whole or not at all: written beside their place under another name, then renamed.
package enum AtomicFile {
    /// Writes the bytes to a temporary file in the same folder and renames it over `path`.
    /// - Parameters:
    ///   - mode: permission bits before the umask.
    ///   - durable: fsync the file before it gets its name; for state that must survive a power cut.
    /// - Throws: ``SystemCallError``; the temporary file is gone then and an older file at `path` untouched.
    package static func write(
        _ bytes: some ContiguousBytesCollection, to path: String, mode: mode_t = 0o644, durable: Bool = false
    ) throws(SystemCallError) {
        let temporary = temporaryName(for: path)
        let file = try FileHandle(path: temporary, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
        do {
            try bytes.withBytes { (buffer) throws(SystemCallError) in try file.write(buffer) }
            if durable { try file.sync() }
            try FileCalls.rename(temporary, path)
        } catch {
            // Left where that fails, too: the error that came first counts, and such names are swept where they gather.
            _ = try? FileCalls.unlink(temporary)
            throw error
        }
    }

    /// A name in the same folder that no other process or thread uses: `.NAME.<pid>.<random>.tmp`.
    package static func temporaryName(for path: String) -> String {
        let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
        let random = String(UInt64.random(in: 0 ... .max), radix: 36)
        return "\(path[..<slash]).\(path[slash...]).\(getpid()).\(random).tmp"
    }
}

/// Bytes that lie in one piece of memory.
package protocol ContiguousBytesCollection {
    /// Gives the bytes for the duration of the call.
    func withBytes(_ body: (UnsafeRawBufferPointer) throws(SystemCallError) -> Void) throws(SystemCallError)
}

extension [UInt8]: ContiguousBytesCollection {
    package func withBytes(_ body: (UnsafeRawBufferPointer) throws(SystemCallError) -> Void) throws(SystemCallError) {
        var failure: SystemCallError?
        withUnsafeBytes { buffer in
            do throws(SystemCallError) { try body(buffer) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}

extension String: ContiguousBytesCollection {
    package func withBytes(_ body: (UnsafeRawBufferPointer) throws(SystemCallError) -> Void) throws(SystemCallError) {
        try Array(utf8).withBytes(body)
    }
}
