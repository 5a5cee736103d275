import CLinux
import Glibc

/// An open folder whose entries are reached by name, never through a symbolic link.
package final class Folder: Sendable {
    /// One name in a folder, as it is itself: a link is a link.
    package struct Entry: Sendable {
        package let name: String
        package let isFolder: Bool
        package let isRegularFile: Bool
        /// Bytes.
        package let size: Int
        /// Last modification, nanoseconds since 1970.
        package let modified: Int64
    }

    private let handle: FileHandle

    private init(_ handle: FileHandle) { self.handle = handle }

    /// Opens a folder by its path, which may lead through links: it is the user's own.
    /// - Throws: ``SystemCallError`` of `open`.
    package convenience init(path: String) throws(SystemCallError) {
        self.init(try FileHandle(path: path, flags: O_RDONLY | O_DIRECTORY))
    }

    /// The descriptor; valid while this object lives.
    package var descriptor: Int32 { handle.descriptor }

    /// Opens a folder in this one, made with mode 0700 when it is missing and `create` says so. A link is refused.
    /// - Throws: ``SystemCallError`` of `mkdirat` or `openat`.
    package func folder(_ name: String, create: Bool = false) throws(SystemCallError) -> Folder {
        let open = { openat(self.descriptor, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
        do {
            return Folder(FileHandle(owning: try systemCall("open", name, open)))
        } catch  where error.code == ENOENT && create {
            do throws(SystemCallError) {
                try systemCall("mkdir", name) { mkdirat(descriptor, name, 0o700) }
            } catch  where error.code == EEXIST {}
            return Folder(FileHandle(owning: try systemCall("open", name, open)))
        }
    }

    /// Opens a file in this folder. A link is refused, and a pipe does not block.
    /// - Throws: ``SystemCallError`` of `openat`.
    package func file(_ name: String, flags: Int32, mode: mode_t = 0o600) throws(SystemCallError) -> FileHandle {
        FileHandle(
            owning: try systemCall("open", name) {
                openat(descriptor, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode)
            })
    }

    /// What a name is; nil when it is not there.
    package func entry(_ name: String) -> Entry? {
        var status = stat()
        guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
        let modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        return Entry(
            name: name, isFolder: status.st_mode & S_IFMT == S_IFDIR, isRegularFile: status.st_mode & S_IFMT == S_IFREG,
            size: Int(status.st_size), modified: modified)
    }

    /// All names but `.` and `..`, unordered.
    /// - Throws: ``SystemCallError`` of `open` or `fdopendir`.
    package func names() throws(SystemCallError) -> [String] {
        // A descriptor of its own: readdir's position belongs to the open file.
        let own = try systemCall("open", ".") { openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard let stream = fdopendir(own) else {
            let error = SystemCallError.last("fdopendir")
            close(own)
            throw error
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// Gives a file in this folder another name there, over a file that has it.
    /// - Throws: ``SystemCallError`` of `renameat`.
    package func rename(_ old: String, to new: String) throws(SystemCallError) {
        try systemCall("rename", new) { renameat(descriptor, old, descriptor, new) }
    }

    /// Removes a file or link.
    /// - Returns: false when there is none, or it cannot be removed (`errno` says why).
    @discardableResult
    package func remove(_ name: String) -> Bool { unlinkat(descriptor, name, 0) == 0 }

    /// Removes a folder if it is empty.
    @discardableResult
    package func removeFolder(_ name: String) -> Bool { unlinkat(descriptor, name, AT_REMOVEDIR) == 0 }
}
