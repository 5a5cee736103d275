import Glibc

/// Names in one folder.
package enum DirectoryListing {
    /// The entries without `.` and `..`, in no order; empty when the folder is absent or cannot be read.
    package static func names(in path: String) -> [String] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}

/// Making and removing folders.
package enum DirectoryTree {
    /// Makes the folder and its missing parents.
    /// - Parameter mode: of the folders that are made, before the umask.
    /// - Throws: ``SystemCallError`` of `mkdir`.
    package static func make(_ path: String, mode: mode_t = 0o755) throws(SystemCallError) {
        if mkdir(path, mode) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw SystemCallError.last("mkdir", path)
        }
        try make(String(path[..<slash]), mode: mode)
        if mkdir(path, mode) != 0 && errno != EEXIST { throw SystemCallError.last("mkdir", path) }
    }

    /// Removes a folder and what is in it. Follows no symbolic link and crosses into no other file system.
    /// - Throws: ``SystemCallError``; an absent folder is no error.
    package static func remove(_ path: String) throws(SystemCallError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        try remove(path, device: status.st_dev)
    }

    private static func remove(_ path: String, device: dev_t) throws(SystemCallError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            try systemCall("unlink", path) { unlink(path) }
            return
        }
        guard status.st_dev == device else { throw SystemCallError(code: EXDEV, call: "rmdir", subject: path) }
        for name in DirectoryListing.names(in: path) { try remove("\(path)/\(name)", device: device) }
        try systemCall("rmdir", path) { rmdir(path) }
    }
}
