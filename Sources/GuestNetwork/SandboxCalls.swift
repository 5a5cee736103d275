import Linux
import Seccomp

/// Which system calls a login of the guest may make.
///
/// The start is flatpak's list (common/flatpak-run.c): what makes namespaces, mounts, keyrings, tracing, and the parts of the kernel in
/// which most faults are found. Beyond it: system calls that are younger than this list do not exist, and nothing gets set-user-id, which
/// would lend the user's rights to others of this machine (as systemd's RestrictSUIDSGID).
extension SystemCallFilter {
    /// - Parameters:
    ///   - sharesMemory: else there is no memory but what the limits of a process count (RLIMIT_DATA and RLIMIT_STACK), and sockets only
    ///     with the buffers that ``ProcessLimits/files`` reckons with.
    ///   - makesFiles: else nothing that has a name or takes room on a disk comes into being: for who has stored too much. What is there can
    ///     be read and removed. A filter cannot see which file a call means, so `>/dev/null` fails as well.
    static func sandbox(sharesMemory: Bool, makesFiles: Bool) -> SystemCallFilter {
        var filter = SystemCallFilter(otherwise: .allow)
        // Programs take it for an older kernel, and use what is allowed. The arguments of the first two lie in memory, where a filter
        // cannot look.
        filter.add(
            .refuse(.noSuchCall), ["clone3", "openat2", "io_uring_setup", "io_uring_enter", "io_uring_register"])
        // Linux 6.5's last call (cachestat) and the highest number that is thinkable.
        filter.add(.refuse(.noSuchCall), numbers: 452...1023)
        filter.add(.refuse(.notPermitted), refused)
        filter.addNamespaces()
        filter.addSockets()
        filter.addSetUserID(makesFiles: makesFiles)
        if !makesFiles { filter.refuseNewFiles() }
        if !sharesMemory || !makesFiles { filter.refuseSharedMemory() }
        if !sharesMemory { filter.refuseLargeSockets() }
        // Characters typed into somebody's terminal; `ioctl` looks at 32 bits.
        for request: UInt32 in [0x5412, 0x541C] {  // TIOCSTI, TIOCLINUX
            filter.add(.refuse(.notPermitted), ["ioctl"], where: .argument(1, is: request))
        }
        return filter
    }

    private static let keyrings = ["add_key", "request_key", "keyctl"]
    private static let mounts = [
        "mount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount",
        "fspick",
        "mount_setattr", "open_by_handle_at", "fanotify_init", "fanotify_mark",
    ]
    private static let otherProcesses = [
        "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd", "perf_event_open",
    ]
    private static let memory = [
        "userfaultfd", "memfd_secret", "mbind", "move_pages", "migrate_pages", "set_mempolicy", "get_mempolicy",
        "modify_ldt", "uselib",
    ]
    private static let machine = [
        "bpf", "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon",
        "swapoff", "acct", "quotactl", "quotactl_fd", "syslog", "settimeofday", "clock_settime", "clock_adjtime",
        "adjtimex", "iopl", "ioperm", "vhangup", "nfsservctl", "lookup_dcookie", "sethostname", "setdomainname",
    ]
    static let refused = keyrings + mounts + otherProcesses + memory + machine

    /// - Parameter unshares: whether a thread may part with others from what is no namespace, such as its working folder.
    mutating func addNamespaces(unshares: Bool = false) {
        add(.refuse(.notPermitted), unshares ? ["setns"] : ["unshare", "setns"])
        // CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET of linux/sched.h, in the first argument of clone(2).
        let flags: [UInt64] = [
            0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000,
        ]
        for flag in flags {
            add(
                .refuse(.notPermitted), unshares ? ["clone", "unshare"] : ["clone"],
                where: .argument(0, masked: flag, is: flag))
        }
        // CLONE_NEWTIME; to clone(2) the bit is part of a signal's number, and it makes no such namespace.
        if unshares { add(.refuse(.notPermitted), ["unshare"], where: .argument(0, masked: 0x80, is: 0x80)) }
    }

    /// Sockets of this machine, the internet's, and netlink's for routes: with them programs look for addresses.
    mutating func addSockets() {
        let (unix, internet, internet6, netlink): (UInt32, UInt32, UInt32, UInt32) = (1, 2, 10, 16)
        let allowed = [unix, internet, internet6, netlink]
        for family in UInt32(0)...netlink where !allowed.contains(family) {
            add(.refuse(.noSuchAddressFamily), ["socket", "socketpair"], where: .argument(0, is: family))
        }
        // Packets, Bluetooth, virtual machines (AF_VSOCK, which no network namespace holds back) and all the others.
        add(
            .refuse(.noSuchAddressFamily), ["socket", "socketpair"],
            where: .argument(0, isAtLeast: UInt64(netlink) + 1))
        // NETLINK_ROUTE is 0.
        add(
            .refuse(.noSuchAddressFamily), ["socket"], where: .argument(0, is: netlink),
            .argument(2, isAtLeast: 1))
        // TCP, UDP and ICMP; anything else makes the kernel load a module. SOCK_SEQPACKET and SOCK_DCCP, too.
        for family in [internet, internet6] {
            add(.refuse(.noSuchAddressFamily), ["socket"], where: .argument(0, is: family), .argument(2, isAtLeast: 59))
            add(.refuse(.noSuchAddressFamily), ["socket"], where: .argument(0, is: family), .argument(2, is: 33))
            for type: UInt64 in [5, 6] {
                add(
                    .refuse(.noSuchAddressFamily), ["socket"], where: .argument(0, is: family),
                    .argument(1, masked: 0xF, is: type))
            }
        }
    }

    /// Names and what takes room without making a file longer, which the limit of 0 bytes for files does not stop: sockets' names,
    /// attributes, blocks of sparse files.
    private mutating func refuseNewFiles() {
        add(
            .refuse(.quotaExceeded),
            Self.makingFiles + [
                "symlink", "symlinkat", "link", "linkat", "bind", "setxattr", "lsetxattr", "fsetxattr", "fallocate",
            ])
        for flag in Self.creating {
            add(.refuse(.quotaExceeded), ["open"], where: .argument(1, masked: flag, is: flag))
            add(.refuse(.quotaExceeded), ["openat"], where: .argument(2, masked: flag, is: flag))
        }
    }

    /// Memory that no limit of a process counts: shared with others (also by /dev/zero, or by a sparse file that is mapped), or that
    /// grows as a stack does.
    private mutating func refuseSharedMemory() {
        add(.refuse(.notPermitted), ["memfd_create", "shmget"])
        // MAP_SHARED, which MAP_SHARED_VALIDATE contains, and MAP_GROWSDOWN.
        for flag: UInt64 in [0x1, 0x100] {
            add(.refuse(.notPermitted), ["mmap"], where: .argument(3, masked: flag, is: flag))
        }
    }

    /// Sockets whose buffers become larger than usual: TCP's grow by themselves to megabytes, and the loopback device of a login leads to
    /// itself alone.
    private mutating func refuseLargeSockets() {
        for family: UInt32 in [2, 10] {  // AF_INET, AF_INET6
            add(.refuse(.noSuchAddressFamily), ["socket"], where: .argument(0, is: family))
        }
        // SOL_SOCKET; SO_SNDBUF, SO_RCVBUF, SO_SNDBUFFORCE, SO_RCVBUFFORCE.
        for option: UInt32 in [7, 8, 32, 33] {
            add(.refuse(.notPermitted), ["setsockopt"], where: .argument(1, is: 1), .argument(2, is: option))
        }
    }

    private static let makingFiles = ["mkdir", "mkdirat", "mknod", "mknodat", "creat"]
    /// O_CREAT, and O_TMPFILE without O_DIRECTORY's bit.
    private static let creating: [UInt64] = [0o100, 0o20_000_000]

    /// - Parameter makesFiles: else what makes them is refused in any case.
    mutating func addSetUserID(makesFiles: Bool) {
        for bit: UInt64 in [0o4000, 0o2000] {
            func mode(_ argument: UInt32) -> Condition { .argument(argument, masked: bit, is: bit) }
            add(.refuse(.notPermitted), ["chmod", "fchmod"], where: mode(1))
            add(.refuse(.notPermitted), ["fchmodat"], where: mode(2))
            guard makesFiles else { continue }
            add(.refuse(.notPermitted), ["mkdir", "mknod", "creat"], where: mode(1))
            add(.refuse(.notPermitted), ["mkdirat", "mknodat"], where: mode(2))
            // Else there is no mode.
            for flag in Self.creating {
                add(.refuse(.notPermitted), ["open"], where: .argument(1, masked: flag, is: flag), mode(2))
                add(.refuse(.notPermitted), ["openat"], where: .argument(2, masked: flag, is: flag), mode(3))
            }
        }
    }
}
