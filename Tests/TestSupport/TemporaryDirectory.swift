import Glibc
import Linux

/// A folder of its own for one test, removed with all that is in it when the object goes.
package final class TemporaryDirectory: Sendable {
    /// Absolute, without links, without a slash at its end.
    package let path: String

    /// - Parameters:
    ///   - base: the folder that it is made in; nil is the usual one.
    ///   - mode: its permission bits, whatever the umask.
    /// - Throws: ``SystemCallError`` of `mkdir`.
    package init(in base: String? = nil, mode: FilePermissions = 0o700) throws {
        let made = try Folder.makeTemporary(prefix: "\(base ?? Environment.temporaryFolder)/oscircular-test.")
        path = ResolvedPath.existing(made) ?? made
        try Paths.setPermissions(path, mode)
    }

    deinit {
        // A thread that still writes when the test ends may put a file into a folder that is being emptied.
        for _ in 0..<50 {
            TemporaryDirectory.remove(path)
            if access(path, F_OK) != 0 { return }
            MonotonicClock.pause(milliseconds: 10)
        }
    }

    /// A path inside.
    package func path(_ name: String) -> String { "\(path)/\(name)" }

    /// The names in it, hidden ones too, sorted.
    package var names: [String] { TemporaryDirectory.names(path) }

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

    /// A file's bytes.
    package func bytes(_ name: String) throws -> [UInt8] { try FileContents.read(path(name), limit: .max) }

    /// Paths of all files below, relative, hidden ones too; links are not followed.
    package func files(below folder: String = "") -> [String] {
        TemporaryDirectory.names(folder.isEmpty ? path : path(folder)).flatMap { name -> [String] in
            let relative = folder.isEmpty ? name : "\(folder)/\(name)"
            return TemporaryDirectory.isFolder(path(relative)) ? files(below: relative) : [relative]
        }
    }

    // What follows calls the C library itself: a test that lets file calls fail is over only when its folder is gone.

    /// The names in a folder, hidden ones too, sorted; none where it is not there.
    package static func names(_ path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Removes a file or a whole tree as far as possible. Links are removed, never followed.
    package static func remove(_ path: String) {
        if isFolder(path) {
            for name in names(path) { remove("\(path)/\(name)") }
            rmdir(path)
        } else {
            unlink(path)
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}

extension TemporaryDirectory {
    /// As ``path(_:)``, for older tests.
    package func file(_ name: String) -> String { path(name) }
}
