import CLinux
import Glibc

/// Files by their paths, which may lead through links: they are the user's own.
package enum Paths {
    /// What a path leads to; nil when nothing is there.
    /// - Throws: ``SystemCallError`` of `stat`: then nobody knows whether something is there.
    package static func status(_ path: String) throws(SystemCallError) -> stat? {
        try unlessAbsent { () throws(SystemCallError) in try FileCalls.status(path) }
    }

    /// What has the name, be it a link; nil when nothing has it.
    /// - Throws: ``SystemCallError`` of `lstat`.
    package static func statusOfName(_ path: String) throws(SystemCallError) -> stat? {
        try unlessAbsent { () throws(SystemCallError) in try FileCalls.linkStatus(path) }
    }

    /// Whether a path leads to something.
    /// - Throws: ``SystemCallError`` of `stat`.
    package static func isThere(_ path: String) throws(SystemCallError) -> Bool { try status(path) != nil }

    /// - Throws: ``SystemCallError`` of `access` when this process may not write there, or nothing is there.
    package static func checkWritable(_ path: String) throws(SystemCallError) { try FileCalls.access(path, W_OK) }

    /// What this process may do with a file or folder.
    package struct Access: OptionSet, Sendable {
        package let rawValue: Int32

        package init(rawValue: Int32) { self.rawValue = rawValue }

        package static let reading = Access(rawValue: R_OK)
        package static let writing = Access(rawValue: W_OK)
        /// Running a file, or passing through a folder.
        package static let executing = Access(rawValue: X_OK)
    }

    /// Whether a path leads to something that this process may use so, as far as the kernel tells beforehand. False, too, where that
    /// cannot be seen: callers go on to use it, and learn then why it cannot be used.
    package static func allows(_ access: Access, _ path: String) -> Bool {
        // The doc comment's reason.
        (try? FileCalls.access(path, access.rawValue)) != nil
    }

    /// Removes a file or link, or leaves it where that fails: for cleaning up as far as possible.
    package static func removeIfPossible(_ path: String) {
        // The doc comment's reason.
        _ = try? FileCalls.unlink(path)
    }

    /// Sets the permission bits of a file or folder.
    /// - Throws: ``SystemCallError`` of `chmod`.
    package static func setPermissions(_ path: String, _ permissions: FilePermissions) throws(SystemCallError) {
        try FileCalls.chmod(path, permissions)
    }

    /// Sets the permission bits of a socket, of that itself: a link in its place leads nowhere.
    /// - Throws: ``SystemCallError``; ENOTSOCK where something else has the name.
    package static func setSocketPermissions(_ path: String, _ permissions: FilePermissions) throws(SystemCallError) {
        // By the descriptor, which means this socket and not what may have its name by now.
        let handle = try FileHandle(path: path, flags: osc_O_PATH | O_NOFOLLOW)
        guard try handle.status().st_mode & S_IFMT == S_IFSOCK else {
            throw SystemCallError(code: ENOTSOCK, call: "chmod", subject: path)
        }
        try FileCalls.chmod("/proc/self/fd/\(handle.descriptor)", permissions)
    }

    /// Gives a file, folder or link itself to a user.
    /// - Parameter group: nil leaves it.
    /// - Throws: ``SystemCallError`` of `lchown`.
    package static func setOwner(_ path: String, _ user: UserID, _ group: GroupID? = nil) throws(SystemCallError) {
        try FileCalls.lchown(path, user, group ?? gid_t.max)
    }

    /// Makes a symbolic link.
    /// - Throws: ``SystemCallError`` of `symlink`; EEXIST.
    package static func makeLink(_ path: String, to target: String) throws(SystemCallError) {
        try FileCalls.symlink(target, path)
    }

    /// Gives a file a second name on the same file system.
    /// - Throws: ``SystemCallError`` of `link`; EEXIST.
    package static func addName(_ new: String, of path: String) throws(SystemCallError) {
        try FileCalls.link(path, new)
    }

    /// Where a symbolic link leads, as it is written; nil for what is not a link, or is not there.
    /// - Throws: ``SystemCallError`` of `readlink`.
    package static func target(ofLink path: String) throws(SystemCallError) -> String? {
        do throws(SystemCallError) {
            return try unlessAbsent { () throws(SystemCallError) in try FileCalls.readlink(path) }
        } catch  where error.code == EINVAL {
            return nil
        }
    }

    /// Removes a file or link.
    /// - Returns: false when there was none.
    /// - Throws: ``SystemCallError`` of `unlink`.
    @discardableResult
    package static func remove(_ path: String) throws(SystemCallError) -> Bool {
        try unlessAbsent { () throws(SystemCallError) in try FileCalls.unlink(path) } != nil
    }

    /// Removes a folder that is empty.
    /// - Returns: false when there was none.
    /// - Throws: ``SystemCallError`` of `rmdir`; ENOTEMPTY for one that is not empty.
    @discardableResult
    package static func removeFolder(_ path: String) throws(SystemCallError) -> Bool {
        try unlessAbsent { () throws(SystemCallError) in try FileCalls.rmdir(path) } != nil
    }

    /// Gives a file another name on the same file system, over a file that has it.
    /// - Throws: ``SystemCallError`` of `rename`.
    package static func rename(_ old: String, to new: String) throws(SystemCallError) {
        try FileCalls.rename(old, new)
    }

    /// Sets a file's times.
    /// - Parameter seconds: since 1970; nil is now.
    /// - Throws: ``SystemCallError`` of `utimensat`.
    package static func setTimes(_ path: String, seconds: Int? = nil) throws(SystemCallError) {
        try FileCalls.utimens(path, seconds: seconds)
    }

    private static func unlessAbsent<Result>(
        _ body: () throws(SystemCallError) -> Result
    ) throws(SystemCallError) -> Result? {
        do throws(SystemCallError) {
            return try body()
        } catch  where error.code == ENOENT || error.code == ENOTDIR {
            return nil
        }
    }
}

/// Where programs are.
package enum ProgramPath {
    /// The first executable of this name in PATH, then in the system folders that are missing from a user's PATH.
    package static func find(_ name: String) -> String? {
        let path = Environment.value("PATH") ?? "/usr/bin:/bin"
        let folders = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin", "/usr/libexec"]
        return folders.map { "\($0)/\(name)" }.first { Paths.allows(.executing, $0) }
    }
}
