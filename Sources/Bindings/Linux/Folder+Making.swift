import Glibc

/// New names in a folder, which take nobody's place.
extension Folder {
    /// Makes a folder in this one, and opens it.
    /// - Parameter mode: permission bits, before the umask.
    /// - Throws: ``SystemCallError`` of `mkdirat`, EEXIST where something has the name, or of `openat`.
    package func makeFolder(_ name: String, mode: FilePermissions) throws(SystemCallError) -> Folder {
        try FileCalls.mkdir(name, in: descriptor, mode)
        return try folder(name)
    }

    /// Gives a file in this folder another name there that nothing has.
    /// - Throws: ``SystemCallError`` of `renameat2`; EEXIST where something has it.
    package func renameUnlessTaken(_ old: String, to new: String) throws(SystemCallError) {
        do throws(SystemCallError) {
            try FileCalls.renameNew(old, new, in: descriptor)
        } catch  where error.code == EINVAL || error.code == ENOSYS {
            // A file system that cannot do both in one step: the folder is its user's own.
            guard try entry(new) == nil else { throw SystemCallError(.fileExists, call: "rename", subject: new) }
            try rename(old, to: new)
        }
    }
}
