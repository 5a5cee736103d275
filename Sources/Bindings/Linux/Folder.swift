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
        /// Bytes on the disk: less than the size where there are holes.
        package let allocated: Int
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

    /// Opens a folder in which names can be reached but not listed: one that may only be passed through will do.
    convenience init(passingThrough path: String) throws(SystemCallError) {
        self.init(try FileHandle(path: path, flags: osc_O_PATH | O_DIRECTORY))
    }

    /// The descriptor; valid while this object lives.
    package var descriptor: Int32 { handle.descriptor }

    /// The folder itself.
    /// - Throws: ``SystemCallError`` of `fstat`.
    package func status() throws(SystemCallError) -> stat { try handle.status() }

    /// Whether a name still leads to the folder; one that was removed lives on only in its open descriptors.
    /// - Throws: ``SystemCallError`` of `fstat`.
    package func hasName() throws(SystemCallError) -> Bool { try handle.hasName() }

    /// Waits until the folder's names are on the disk, where its file system can do that for a folder.
    /// - Throws: ``SystemCallError`` of `fsync`.
    package func sync() throws(SystemCallError) {
        do throws(SystemCallError) { try handle.sync() } catch  where error.code == EINVAL {}
    }

    /// Opens a folder in this one, made with mode 0700 when it is missing and `create` says so. A link is refused.
    /// - Throws: ``SystemCallError`` of `mkdirat` or `openat`.
    package func folder(_ name: String, create: Bool = false) throws(SystemCallError) -> Folder {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
        do {
            return Folder(FileHandle(owning: try FileCalls.open(name, in: descriptor, flags)))
        } catch  where error.code == ENOENT && create {
            do throws(SystemCallError) {
                try FileCalls.mkdir(name, in: descriptor, 0o700)
            } catch  where error.code == EEXIST {}
            return Folder(FileHandle(owning: try FileCalls.open(name, in: descriptor, flags)))
        }
    }

    /// Opens a file in this folder. A link is refused, and a pipe does not block.
    /// - Throws: ``SystemCallError`` of `openat`.
    package func file(_ name: String, flags: Int32, mode: mode_t = 0o600) throws(SystemCallError) -> FileHandle {
        FileHandle(owning: try FileCalls.open(name, in: descriptor, flags | O_NOFOLLOW | O_NONBLOCK, mode))
    }

    /// What a name is; nil when it is not there.
    /// - Throws: ``SystemCallError`` of `fstatat`: then nobody knows whether it is there.
    package func entry(_ name: String) throws(SystemCallError) -> Entry? {
        let status: stat
        do {
            status = try FileCalls.status(name, in: descriptor)
        } catch  where error.code == ENOENT {
            return nil
        }
        let modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        return Entry(
            name: name, isFolder: status.st_mode & S_IFMT == S_IFDIR, isRegularFile: status.st_mode & S_IFMT == S_IFREG,
            size: Int(status.st_size), allocated: Int(status.st_blocks) * 512, modified: modified)
    }

    /// All names but `.` and `..`, unordered.
    /// - Throws: ``SystemCallError`` of `open`, `fdopendir` or `readdir`: never a part of the names.
    package func names() throws(SystemCallError) -> [String] {
        var names: [String] = []
        try forEachName { (name) throws(SystemCallError) in
            names.append(name)
            return true
        }
        return names
    }

    /// Gives the names one by one, until `body` says false: for folders in which somebody else may make any number of them.
    /// - Throws: as ``names()``, and what `body` throws.
    package func forEachName(_ body: (String) throws(SystemCallError) -> Bool) throws(SystemCallError) {
        try FileCalls.forEachName(in: descriptor, body)
    }

    /// Gives a file in this folder another name there, over a file that has it.
    /// - Throws: ``SystemCallError`` of `renameat`.
    package func rename(_ old: String, to new: String) throws(SystemCallError) {
        try FileCalls.rename(old, new, in: descriptor)
    }

    /// Moves a file or folder that is in this one into another one.
    /// - Throws: ``SystemCallError`` of `renameat`; for a folder ENOTEMPTY or ENOTDIR where the name is taken. A file replaces one that has it.
    package func move(_ name: String, to other: Folder, as new: String) throws(SystemCallError) {
        try FileCalls.rename(name, in: descriptor, new, in: other.descriptor)
    }

    /// Removes a file or link.
    /// - Returns: false when there was none.
    /// - Throws: ``SystemCallError`` of `unlinkat`.
    @discardableResult
    package func remove(_ name: String) throws(SystemCallError) -> Bool {
        do {
            try FileCalls.unlink(name, in: descriptor)
            return true
        } catch  where error.code == ENOENT {
            return false
        }
    }

    /// Removes a folder that is empty.
    /// - Returns: false when there was none.
    /// - Throws: ``SystemCallError`` of `unlinkat`; ENOTEMPTY for one that is not empty.
    @discardableResult
    package func removeFolder(_ name: String) throws(SystemCallError) -> Bool {
        do {
            try FileCalls.rmdir(name, in: descriptor)
            return true
        } catch  where error.code == ENOENT {
            return false
        }
    }
}
