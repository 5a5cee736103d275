import Seccomp

/// Which system calls the server of a shared folder may make.
///
/// It is written for root, who becomes each of the guest's users in turn. Here everything that a guest does is the one user's who shares the
/// folder, so the calls that change users, groups and owners answer that it is done, and do nothing.
extension SystemCallFilter {
    static func folderServer() -> SystemCallFilter {
        var filter = SystemCallFilter(otherwise: .allow)
        // As for logins: what looks at arguments in memory, and what is younger than the list.
        filter.add(
            .refuse(.noSuchCall), ["clone3", "openat2", "io_uring_setup", "io_uring_enter", "io_uring_register"])
        filter.add(.refuse(.noSuchCall), numbers: 452...1023)
        // It goes into the folder, and nowhere else, by chroot.
        filter.add(.refuse(.notPermitted), refused.filter { $0 != "chroot" })
        filter.addNamespaces(unshares: true)
        filter.addSockets()
        filter.addSetUserID(makesFiles: true)
        // What counts as a set-user-ID bit for others: a file's capabilities, and lists of who may what.
        filter.add(.refuse(.notSupported), ["setxattr", "lsetxattr", "fsetxattr"])
        filter.add(
            .pretend,
            ["getgroups", "setgroups", "setresuid", "setresgid", "chown", "lchown", "fchown", "fchownat"])
        return filter
    }
}
