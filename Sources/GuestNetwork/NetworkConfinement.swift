import Linux
import Seccomp

// What the network's process gives up before it hears of the first frame, in this order: the machine's files, other processes and its user
// (`enterNamespaces`), capabilities and memory (`giveUpRights`), then system calls (`close`). What a machine forbids is left out and said.

/// How the network's process confines itself.
struct NetworkConfinement {
    /// Where the ssh gateway's socket is for this process, from now on.
    let gatewayPath: String
    /// What this machine does not let it give up; for the log.
    private(set) var missing: [String] = []
    /// The file that libslirp reads the resolver's address from; nil where it reads the machine's own.
    let resolver: FileHandle?
    /// Where connections at published ports are handed to libslirp; nil where this machine leaves no place for it.
    let entrance: UnixListener?

    /// Bytes of memory of its own: 512 connections with their buffers are a quarter of it.
    static let memoryLimit = 512 << 20
    /// Whether memory and system calls are left as they are: what sanitizers need has no bound. Only Tests/Sanitizers/run builds it so.
    static var isForSanitizers: Bool {
        #if SANITIZERS
            true
        #else
            false
        #endif
    }
    /// Descriptors: those of the connections, two for each at a published port and for each of their entrances, and a few.
    static let fileLimit = FrameLoop.socketLimit + 2 * (PortConnections.limit + PortSlots.count) + 256

    /// Enters namespaces of its own (but the network's: libslirp connects from there) and an empty root, as `user`.
    /// - Parameters:
    ///   - gatewayPath: the socket of the ssh gateway.
    ///   - user: who root becomes; nil for who this is.
    /// - Throws: ``SystemCallError``: root stays root.
    static func enterNamespaces(
        gatewayPath: String, user: (id: UserID, group: GroupID)?
    ) throws(SystemCallError) -> NetworkConfinement {
        let proc = try FileHandle("/proc", for: .reading, .folder)
        var missing: [String] = []
        var resolver: FileHandle?
        // Root's own right is enough, where others may make no namespaces; a user needs the one of users for the rest.
        let own: Confinement.Namespaces = [.mounts, .hostName, .ipc, .childProcesses]
        do throws(SystemCallError) {
            try Confinement.enter(user == nil ? own.union(.users) : own, proc: proc)
            resolver = try Confinement.enterEmptyRoot(
                showing: (gatewayPath, "gateway"), writing: ("etc", "resolv.conf"))
        } catch {
            missing.append("\(Self.namespaces) (\(error))")
        }
        let entrance = Self.makeEntrance(isHidden: resolver != nil, gatewayPath, user?.id)
        if entrance == nil { missing.append(Self.entranceName) }
        if let user {
            try Confinement.become(user.id, user.group)
            do throws(SystemCallError) {
                try Confinement.enter(.users, proc: proc)
            } catch {
                missing.append("a namespace of users (\(error))")
            }
        }
        return NetworkConfinement(
            gatewayPath: resolver == nil ? gatewayPath : "/gateway", missing: missing, resolver: resolver,
            entrance: entrance)
    }

    /// In the empty root nobody else finds it; without that it lies beside the gateway's socket, in the session's own folder. An abstract
    /// name would be everybody's, and Landlock forbids those.
    private static func makeEntrance(isHidden: Bool, _ gatewayPath: String, _ user: UserID?) -> UnixListener? {
        // Without it no TCP port can be published; the session says so then.
        try? UnixListener(path: isHidden ? "/entrance" : "\(gatewayPath).in", mode: 0o600, owner: user)
    }

    /// How ``missing`` names those of mounts, processes and users.
    static let namespaces = "namespaces"

    /// How ``missing`` names that nobody outside can be let in.
    static let entranceName = "an entrance for published ports"

    /// What the user is told where the process has no namespaces: what that means, and what to do.
    /// - Parameter setting: what is in a file of /proc/sys; nil without it.
    static func exposure(_ setting: (String) -> String?) -> String {
        func isSet(_ name: String, _ value: Character) -> Bool {
            setting(name)?.filter { !$0.isWhitespace } == String(value)
        }
        let advice =
            if isSet("kernel/apparmor_restrict_unprivileged_userns", "1") {
                "allow it with an AppArmor profile for oscircular that has the rule 'userns,' or, for all programs, with "
                    + "'sysctl kernel.apparmor_restrict_unprivileged_userns=0' as root"
            } else if isSet("kernel/unprivileged_userns_clone", "0") {
                "allow it with 'sysctl kernel.unprivileged_userns_clone=1' as root"
            } else if isSet("user/max_user_namespaces", "0") {
                "allow it with 'sysctl user.max_user_namespaces=10000' as root"
            } else {
                "in a container, allow it to make namespaces, or start guests outside of it"
            }
        return
            "this machine does not let the guest's network make namespaces of its own: a guest that breaks it could connect "
            + "to sockets of your other programs (D-Bus, ssh-agent); \(advice)"
    }

    /// No capabilities, no way to more rights, bounded memory; this process goes on as the first of its namespace.
    /// - Throws: ``SystemCallError``.
    func giveUpRights() throws(SystemCallError) {
        let limits: [(ResourceLimit, Int)] = [
            (.data, Self.memoryLimit), (.openFiles, Self.fileLimit), (.fileSize, MessageSocket.messageLimit),
            (.core, 0),
        ]
        for (limit, value) in limits where !Self.isForSanitizers || limit != .data {
            try limit.lower(to: value, of: CurrentProcess.id)
        }
        try Confinement.giveUpRights()
        Confinement.endWithParent()
        try Confinement.continueInChild()
    }

    /// The last step: files by Landlock, system calls by seccomp.
    /// - Throws: ``SystemCallError`` of seccomp: it must be there.
    mutating func close() throws(SystemCallError) {
        do throws(SystemCallError) {
            if Landlock.version == 0 { missing.append("Landlock (this kernel has none)") }
            try Landlock.restrict(toReading: resolver == nil ? ["/etc", "/run"] : ["/etc/resolv.conf"])
        } catch {
            missing.append("Landlock (\(error))")
        }
        if !Self.isForSanitizers { try Self.systemCalls(for: CurrentProcess.id).load() }
    }

    /// What moving frames between open sockets takes, and libslirp's new ones. The kernel has forty times as many.
    /// - Parameter process: the one that it is for: it sends signals to itself only. Where it has no namespace of processes, others of its
    ///   user, the session among them, have numbers for it.
    static func systemCalls(for process: ProcessID) -> SystemCallFilter {
        var filter = SystemCallFilter(otherwise: .refuse(.noSuchCall))
        // Sockets of this process and of libslirp.
        filter.add(
            .allow,
            [
                "poll", "ppoll", "read", "readv", "recvfrom", "recvmsg", "write", "writev", "sendto", "sendmsg",
                "sendmmsg", "connect", "accept", "accept4", "shutdown", "close", "getsockname", "getpeername",
                "getsockopt", "setsockopt",
                // libslirp reserves a free port for each connection of the host; it cannot listen there.
                "bind",
                // The socket behind a connection at a published port is exchanged.
                "dup2", "dup3",
            ])
        for family: UInt32 in [ /* AF_UNIX */1, /* AF_INET */ 2] {
            filter.add(.allow, ["socket"], where: .argument(0, is: family))
        }
        // Not F_SETOWN and F_SETSIG, which send any signal to any process of the user.
        for command: UInt32 in [
            /* F_DUPFD */ 0, /* F_GETFD */ 1, /* F_SETFD */ 2, /* F_GETFL */ 3, /* F_SETFL */ 4,
            /* F_DUPFD_CLOEXEC */ 1030,
        ] {
            filter.add(.allow, ["fcntl"], where: .argument(1, is: command))
        }
        for request: UInt32 in [ /* TCGETS */0x5401, /* FIONREAD */ 0x541B, /* FIONBIO */ 0x5421] {
            filter.add(.allow, ["ioctl"], where: .argument(1, is: request))
        }
        // The resolver's address is read from a file, and written into it.
        filter.add(.allow, ["fstat", "newfstatat", "stat", "lstat", "statx", "lseek", "pwrite64", "ftruncate"])
        // Neither O_WRONLY nor O_RDWR nor O_CREAT.
        filter.add(.allow, ["openat"], where: .argument(2, masked: 0o103, is: 0))
        filter.add(.allow, ["open"], where: .argument(1, masked: 0o103, is: 0))
        // Memory that no program is run from: not PROT_EXEC.
        filter.add(.allow, ["mmap", "mprotect"], where: .argument(2, masked: 4, is: 0))
        filter.add(.allow, ["brk", "munmap", "mremap", "madvise", "futex", "membarrier", "getrandom"])
        // Time, and the end.
        filter.add(
            .allow,
            [
                "clock_gettime", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "restart_syscall",
                "sched_yield",
                "getpid", "gettid", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "exit",
                "exit_group",
            ])
        filter.add(.allow, ["tgkill"], where: .argument(0, is: UInt32(bitPattern: process)))
        // Nothing of ours comes near these: whoever does is not us any more.
        filter.add(
            .endProcess,
            [
                "execve", "execveat", "fork", "vfork", "clone", "clone3", "ptrace", "process_vm_readv",
                "process_vm_writev", "mount", "unshare", "setns", "keyctl", "add_key", "request_key", "bpf",
                "userfaultfd", "io_uring_setup",
            ])
        return filter
    }
}
