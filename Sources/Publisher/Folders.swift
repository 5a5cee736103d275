import Glibc
import Linux

/// Folders made and listed.
enum Folders {
    /// Makes a folder and those above it that lack.
    /// - Throws: ``PublisherError/unwritable(_:)``.
    static func create(_ path: String) throws(PublisherError) {
        if mkdir(path, 0o755) == 0 { return }
        var code = errno
        if code == ENOENT, let parent = parent(of: path) {
            try create(parent)
            if mkdir(path, 0o755) == 0 { return }
            code = errno
        }
        if code == EEXIST {
            if isFolder(path) { return }
            code = ENOTDIR
        }
        throw .unwritable(SystemCallError(code: code, call: "mkdir", subject: path))
    }

    /// The names in a folder but `.` and `..`, sorted.
    /// - Throws: ``SystemCallError``.
    static func names(in path: String) throws(SystemCallError) -> [String] {
        guard let folder = opendir(path) else { throw .last("opendir", path) }
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

    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The folder that a path lies in; `.` for a bare name, nil for the root.
    static func parent(of path: String) -> String? {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        if slash == path.startIndex { return path == "/" ? nil : "/" }
        return String(path[..<slash])
    }
}
