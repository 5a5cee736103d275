import Glibc
import Linux

/// Folders that belong to the session's user alone.
enum PrivateDirectory {
    /// Makes the folder (0700) or checks that it is one, no link, and this user's; then gives it to `owner`.
    /// - Parameter owner: when root works for another user; nil keeps this one.
    /// - Throws: ``GuestNetworkError/unsafeDirectory(_:)`` or ``GuestNetworkError/system(_:)``.
    static func make(_ path: String, owner: SandboxUser? = nil) throws(GuestNetworkError) {
        do throws(SystemCallError) {
            if mkdir(path, 0o700) != 0, errno != EEXIST { throw SystemCallError.last("mkdir", path) }
            let folder: FileHandle
            do {
                folder = try FileHandle(path: path, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
            } catch  where error.code == ENOTDIR || error.code == ELOOP {
                throw SystemCallError(code: EPERM, call: "open", subject: path)
            }
            let status = try folder.status()
            guard status.st_uid == geteuid() || status.st_uid == owner?.uid else {
                throw SystemCallError(code: EPERM, call: "open", subject: path)
            }
            if let owner { try systemCall("fchown", path) { fchown(folder.descriptor, owner.uid, owner.gid) } }
            if status.st_mode & 0o077 != 0 {
                try systemCall("fchmod", path) { fchmod(folder.descriptor, 0o700) }
            }
        } catch {
            if error.code == EPERM { throw .unsafeDirectory(path) }
            throw GuestNetworkError(error)
        }
    }
}
