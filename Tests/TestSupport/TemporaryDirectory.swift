import Glibc
import Linux

/// A folder of its own for one test, removed with all that is in it when the object goes.
package final class TemporaryDirectory: Sendable {
    /// Absolute, without links, without a slash at its end.
    package let path: String

    /// - Parameter base: the folder that it is made in; nil is the usual one.
    /// - Throws: ``SystemCallError`` of `mkdtemp`.
    package init(in base: String? = nil) throws {
        let base = base ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/oscircular-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil, let resolved = realpath(template, nil) else {
            throw SystemCallError.last("mkdtemp", base)
        }
        defer { free(resolved) }
        path = String(cString: resolved)
    }

    deinit {
        // A thread that still writes when the test ends may put a file into a folder that is being emptied.
        for _ in 0..<50 {
            TemporaryDirectory.remove(path)
            if access(path, F_OK) != 0 { return }
            usleep(10_000)
        }
    }

    /// A path inside.
    package func path(_ name: String) -> String { "\(path)/\(name)" }

    /// Makes a folder inside, with those above it.
    @discardableResult
    package func makeFolder(_ name: String) throws -> String {
        try Folder.make(path(name))
        return path(name)
    }

    /// Writes a file inside; its folder must be there.
    @discardableResult
    package func write(_ bytes: [UInt8], to name: String) throws -> String {
        try AtomicFile.write(bytes, to: path(name))
        return path(name)
    }

    /// Removes a file or a whole tree. Links are removed, never followed.
    package static func remove(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in Folder.namesIfAny(in: path) { remove("\(path)/\(name)") }
            rmdir(path)
        } else {
            unlink(path)
        }
    }
}
