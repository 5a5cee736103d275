import Glibc

/// Permission bits, such as `0o644`.
package typealias FilePermissions = mode_t
/// A user's number.
package typealias UserID = uid_t
/// A group's number.
package typealias GroupID = gid_t
/// A process's number.
package typealias ProcessID = pid_t

/// What the kernel says of a file.
package typealias FileStatus = stat

/// What a name in a file system stands for.
package enum FileKind: Sendable, Equatable {
    case regular, folder, link, socket, pipe, blockDevice, characterDevice, unknown
}

/// The fields of `stat` by plain names.
extension stat {
    package var kind: FileKind {
        switch st_mode & S_IFMT {
        case S_IFREG: .regular
        case S_IFDIR: .folder
        case S_IFLNK: .link
        case S_IFSOCK: .socket
        case S_IFIFO: .pipe
        case S_IFBLK: .blockDevice
        case S_IFCHR: .characterDevice
        default: .unknown
        }
    }

    /// Bytes.
    package var size: Int { Int(st_size) }
    /// Bytes on the disk: less than the size where there are holes.
    package var allocated: Int { Int(st_blocks) * 512 }
    /// How many names it has.
    package var names: Int { Int(st_nlink) }
    package var owner: UserID { st_uid }
    package var group: GroupID { st_gid }
    /// The last nine bits, and set-user-id, set-group-id and sticky.
    package var permissions: FilePermissions { st_mode & 0o7777 }
    /// Last modification, seconds since 1970.
    package var modifiedSeconds: Int { Int(st_mtim.tv_sec) }
    /// Last modification, nanoseconds since 1970.
    package var modifiedNanoseconds: Int64 { Int64(st_mtim.tv_sec) * 1_000_000_000 + Int64(st_mtim.tv_nsec) }
    /// Last change of the bytes or of what is noted about them, nanoseconds since 1970; nobody can set it.
    package var changedNanoseconds: Int64 { Int64(st_ctim.tv_sec) * 1_000_000_000 + Int64(st_ctim.tv_nsec) }
    /// The file itself, whatever it is called: equal for two names of one file.
    package var identity: FileIdentity { FileIdentity(device: UInt64(st_dev), inode: UInt64(st_ino)) }
    /// The file as it is now.
    package var stamp: FileStamp { FileStamp(inode: UInt64(st_ino), size: size, modified: modifiedNanoseconds) }
}

/// A file of this machine, whatever it is called.
package struct FileIdentity: Sendable, Hashable {
    package let device: UInt64
    package let inode: UInt64
}

/// One state of a file, for what was worked out from its bytes: another file has another, and the same one when it is written again. It has no
/// device: that of some file systems is another one after each start.
package struct FileStamp: Sendable, Hashable {
    package let inode: UInt64
    /// Bytes.
    package let size: Int
    /// Nanoseconds since 1970.
    package let modified: Int64

    package init(inode: UInt64, size: Int, modified: Int64) {
        self.inode = inode
        self.size = size
        self.modified = modified
    }
}
