import CFUSE
import Glibc
import Linux

/// A folder that something is mounted at, and the ways to end that. Root asks the kernel, others fusermount3.
package struct Mountpoint: Sendable {
    /// Absolute.
    package let path: String

    package init(_ path: String) { self.path = path }

    /// Unmounts when nobody uses it.
    /// - Throws: ``MountError/busy(path:)``, ``MountError/unmountFailed(_:)``.
    package func unmount() throws(MountError) {
        try unmount(flags: 0, options: ["-u"])
    }

    /// Takes it out of the folder tree now; it ends when its last user goes.
    /// - Throws: ``MountError/unmountFailed(_:)``.
    package func detach() throws(MountError) {
        try unmount(flags: osc_MNT_DETACH, options: ["-u", "-z"])
    }

    /// Breaks the connection, so that everybody who reads gets an error, and detaches it.
    ///
    /// A plain user's can only be broken where /sys/fs/fuse/connections is mounted; else readers go on until they close.
    /// - Throws: ``MountError/unmountFailed(_:)``.
    package func abort() throws(MountError) {
        if geteuid() == 0 {
            // EBUSY says that it is still mounted; the connection is broken all the same.
            if osc_umount2(path, osc_MNT_FORCE | osc_UMOUNT_NOFOLLOW) == 0 { return }
        } else if let device = try? MountTable.entry(at: path)?.device, let minor = device.split(separator: ":").last {
            let file = try? FileHandle(path: "/sys/fs/fuse/connections/\(minor)/abort", flags: O_WRONLY)
            try? file?.write(text: "1")
        }
        try detach()
    }

    private func unmount(flags: Int32, options: [String]) throws(MountError) {
        if geteuid() == 0 {
            if osc_umount2(path, flags | osc_UMOUNT_NOFOLLOW) == 0 { return }
            let error = SystemCallError.last("umount2", path)
            // Not a mount point: somebody was faster.
            if error.code == EINVAL { return }
            if error.code == EBUSY { throw .busy(path: path) }
            // Root of a user namespace may lack the right; fusermount3 does not.
            if error.code != EPERM { throw .unmountFailed(error) }
        }
        do {
            let status = try fusermount(options + ["--", path])
            if status == 0 { return }
            // It says why only in words. What is mounted still is in use; nothing else makes it fail for the owner.
            if try MountTable.entry(at: path) != nil { throw MountError.busy(path: path) }
        } catch let error as MountError {
            throw error
        } catch let error as SystemCallError {
            throw .unmountFailed(error)
        } catch {
            throw .unmountFailed(SystemCallError(code: EIO, call: "fusermount3", subject: path))
        }
    }

    /// Runs fusermount3 without its words on standard error. Returns its wait status.
    private func fusermount(_ arguments: [String]) throws(SystemCallError) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in Int32(0)...2 {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        var pointers: [UnsafeMutablePointer<CChar>?] = (["fusermount3"] + arguments)
            .map { (word: String) in strdup(word) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        var child = pid_t()
        let result = posix_spawnp(&child, "fusermount3", &actions, nil, pointers, environ)
        guard result == 0 else { throw SystemCallError(code: result, call: "posix_spawn", subject: "fusermount3") }
        var status: Int32 = 0
        try systemCall("waitpid", "fusermount3") { waitpid(child, &status, 0) }
        return status
    }
}

extension FileHandle {
    /// Writes a word to a file of the kernel's.
    func write(text: String) throws(SystemCallError) {
        try text.withBytes { (bytes) throws(SystemCallError) in try self.write(bytes) }
    }
}
