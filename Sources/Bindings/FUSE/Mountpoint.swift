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

    /// Breaks the connection, so that all readers get an error, and detaches it.
    ///
    /// A plain user's can only be broken where /sys/fs/fuse/connections is mounted; else readers go on until they close.
    /// - Throws: ``MountError/unmountFailed(_:)``.
    package func abort() throws(MountError) {
        if geteuid() == 0 {
            // EBUSY says that it is still mounted; the connection is broken all the same.
            if osc_umount2(path, osc_MNT_FORCE | osc_UMOUNT_NOFOLLOW) == 0 { return }
        } else {
            // A connection that cannot be broken is left to its readers, as said above.
            try? breakConnection()
        }
        try detach()
    }

    private func breakConnection() throws(SystemCallError) {
        guard let minor = try MountTable.entry(at: path)?.device.split(separator: ":").last else { return }
        try FileHandle(path: "/sys/fs/fuse/connections/\(minor)/abort", flags: O_WRONLY).write(text: "1")
    }

    private func unmount(flags: Int32, options: [String]) throws(MountError) {
        if geteuid() == 0 {
            if osc_umount2(path, flags | osc_UMOUNT_NOFOLLOW) == 0 { return }
            let error = SystemCallError.last("umount2", path)
            // Not a mount point: somebody was faster.
            if error.code == EINVAL { return }
            if error.code == EBUSY { throw .busy(path: path) }
            // Root of a user namespace may not have the right; fusermount3 has it.
            if error.code != EPERM { throw .unmountFailed(error) }
        }
        do {
            if try Mountpoint.fusermount(options + ["--", path]) { return }
            // It says why only in a message. What is mounted still is in use; nothing else makes it fail for the owner.
            if try MountTable.entry(at: path) != nil { throw MountError.busy(path: path) }
        } catch let error as MountError {
            throw error
        } catch let error as SystemCallError {
            throw .unmountFailed(error)
        } catch {
            throw .unmountFailed(SystemCallError(code: EIO, call: "fusermount3", subject: path))
        }
    }

    /// Runs fusermount3, without its messages on standard error.
    /// - Returns: whether it succeeded.
    private static func fusermount(_ arguments: [String]) throws(SystemCallError) -> Bool {
        let program = try ChildProcess(
            "fusermount3", arguments, environment: nil)
        return program.wait() == .exited(0)
    }
}

extension FileHandle {
    /// Writes a value to one of the kernel's files.
    func write(text: String) throws(SystemCallError) {
        try text.withBytes { (bytes) throws(SystemCallError) in try self.write(bytes) }
    }
}
