import Glibc

/// What a file is opened for.
package enum FileAccess: Sendable {
    case reading, writing, both
}

/// How a file is opened, besides ``FileAccess``.
package struct OpenOptions: OptionSet, Sendable {
    /// Flags of `open`.
    package let rawValue: Int32

    package init(rawValue: Int32) { self.rawValue = rawValue }

    /// Made when it is absent.
    package static let create = OpenOptions(rawValue: O_CREAT)
    /// Made here, or an error (EEXIST): another file of that name stays untouched.
    package static let createNew = OpenOptions(rawValue: O_CREAT | O_EXCL)
    /// Emptied.
    package static let truncate = OpenOptions(rawValue: O_TRUNC)
    /// Every write goes to the end.
    package static let append = OpenOptions(rawValue: O_APPEND)
    /// A symbolic link as the last part of the path is an error (ELOOP).
    package static let refuseLink = OpenOptions(rawValue: O_NOFOLLOW)
    /// Neither opening nor reading waits for somebody else, as it would with a pipe.
    package static let nonblocking = OpenOptions(rawValue: O_NONBLOCK)
    /// Anything but a folder is an error (ENOTDIR).
    package static let folder = OpenOptions(rawValue: O_DIRECTORY)

    fileprivate func flags(for access: FileAccess) -> Int32 {
        switch access {
        case .reading: O_RDONLY | rawValue
        case .writing: O_WRONLY | rawValue
        case .both: O_RDWR | rawValue
        }
    }
}

extension FileHandle {
    /// Opens a file; close-on-exec always.
    /// - Parameter mode: permission bits of a file that is made, before the umask.
    /// - Throws: ``SystemCallError`` of `open`.
    package convenience init(
        _ path: String, for access: FileAccess, _ options: OpenOptions = [], mode: FilePermissions = 0o644
    ) throws(SystemCallError) {
        try self.init(path: path, flags: options.flags(for: access), mode: mode)
    }
}

extension Folder {
    /// Opens a file in this folder. A link is refused, and a pipe does not block.
    /// - Throws: ``SystemCallError`` of `openat`.
    package func file(
        _ name: String, for access: FileAccess, _ options: OpenOptions = [], mode: FilePermissions = 0o600
    ) throws(SystemCallError) -> FileHandle {
        try file(name, flags: options.flags(for: access), mode: mode)
    }
}
