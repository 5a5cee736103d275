import Glibc

/// Folders by their paths, which may lead through links: they are the user's own.
extension Folder {
    /// Makes a folder where it is missing.
    /// - Parameters:
    ///   - mode: of the folders that are made, before the umask.
    ///   - above: makes those above it too.
    /// - Throws: ``SystemCallError`` of `mkdir`; ENOTDIR when something else has the name.
    package static func make(_ path: String, mode: mode_t = 0o755, above: Bool = true) throws(SystemCallError) {
        if mkdir(path, mode) == 0 { return }
        if errno == ENOENT, above, let parent = parent(of: path), parent != path {
            try make(parent, mode: mode)
            if mkdir(path, mode) == 0 { return }
        }
        let error = SystemCallError.last("mkdir", path)
        guard error.code == EEXIST else { throw error }
        if !isFolder(path) { throw SystemCallError(code: ENOTDIR, call: error.call, subject: path) }
    }

    /// The names in a folder but `.` and `..`, in no order; none when it is absent or cannot be read.
    package static func names(in path: String) -> [String] {
        (try? Folder(path: path).names()) ?? []
    }

    /// Removes a folder and what is in it, or a file. Follows no symbolic link and crosses into no other file system.
    /// - Throws: ``SystemCallError``; an absent folder is no error.
    package static func removeTree(_ path: String) throws(SystemCallError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        try removeTree(path, device: status.st_dev)
    }

    private static func removeTree(_ path: String, device: dev_t) throws(SystemCallError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            try systemCall("unlink", path) { unlink(path) }
            return
        }
        guard status.st_dev == device else { throw SystemCallError(code: EXDEV, call: "rmdir", subject: path) }
        for name in names(in: path) { try removeTree("\(path)/\(name)", device: device) }
        try systemCall("rmdir", path) { rmdir(path) }
    }

    /// Whether a path leads to a folder.
    package static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The folder that a path lies in; `.` for a bare name, nil for the root.
    package static func parent(of path: String) -> String? {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        if slash == path.startIndex { return path == "/" ? nil : "/" }
        return String(path[..<slash])
    }
}
