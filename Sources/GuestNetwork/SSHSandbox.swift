import Linux
import Seccomp

/// The bubblewrap command line that one ssh connection runs in, and the files that it shows there.
///
/// What is inside: /usr and a few files of /etc, read-only; own passwd, shadow and group; the session's exchange folder; an empty home;
/// what the user shares. No other folder of the host; no network but an own, empty loopback; own processes only; the system calls of
/// ``SystemCallFilter/sandbox``. The command line and the files come through descriptors, so that no path of the host stands in
/// them; what is bound from the host's disk is named in the kernel's list of mounts, and nothing can be done about that.
///
/// Who it is: sshd runs without root, so its one user has several names. A user's session: bubblewrap makes a user namespace
/// that maps the user to itself. Root's session: a root in the sandbox would still own the host's root files and /proc/sys, even
/// in a user namespace. So bubblewrap runs as root only to mount, and setpriv then changes to an unprivileged user for good:
/// no capabilities, no_new_privs, no way back. The exchange folder belongs to that user.
struct SSHSandbox {
    /// The exchange folder's name inside, where each login begins.
    static let exchange = "/exchange"
    /// HOME of each login: what programs run or read from there unasked is nothing.
    static let home = "/var/empty"
    /// Where bubblewrap writes `{"child-pid": N, …}`: the sandbox's first process, which is the last to end.
    static let informationDescriptor: Int32 = 3

    /// What one connection's bubblewrap is started with.
    struct Start {
        let arguments: [String]
        /// What becomes 3, 4, … of bubblewrap; 9 is left to whoever starts it. Read once.
        let descriptors: [Int32: FileHandle]
    }

    let program: String
    let user: SandboxUser
    /// Before and after the file systems in memory.
    private let options: (first: [String], last: [String])
    private let files: [File]
    /// What sshd's own command line follows on.
    private let command: [String]
    private let prlimit: String
    private let bounds: SessionBounds
    private let sshd: String
    /// As bubblewrap reads them: where the session's memory is counted; where only that of each process is; for who may not write.
    private let filters: (usual: [UInt8], noSharedMemory: [UInt8], noNewFiles: [UInt8])

    /// A small file of the sandbox's own memory.
    private struct File {
        let path: String
        let text: String
    }

    /// Checks that everything is there.
    /// - Parameters:
    ///   - user: whom logins run as.
    ///   - bounds: asked at each start, for they may get worse.
    /// - Throws: ``GuestNetworkError``.
    init(
        exchangeDirectory: String, shared: [SharedPath], keys: SessionKeys, user: SandboxUser, bounds: SessionBounds
    ) throws(GuestNetworkError) {
        for item in shared { try item.validate() }
        let asRoot = CurrentUser.isRoot
        program = try HostProgram.bwrap.path()
        self.user = user
        try PrivateDirectory.make(exchangeDirectory, owner: asRoot ? user : nil)
        do throws(SystemCallError) {
            filters = (
                try SystemCallFilter.sandbox(sharesMemory: true, makesFiles: true).program(),
                try SystemCallFilter.sandbox(sharesMemory: false, makesFiles: true).program(),
                try SystemCallFilter.sandbox(sharesMemory: false, makesFiles: false).program()
            )
        } catch {
            throw GuestNetworkError(error)
        }
        files = Self.files(keys: keys, user: user)

        var options = ["--die-with-parent", "--new-session", "--unshare-ipc", "--unshare-pid"]
        options += ["--unshare-net", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "host"]
        if asRoot {
            options += [
                "--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP",
            ]
        } else {
            options += ["--unshare-user", "--disable-userns"]
        }
        options += Self.systemFolders()
        options += ["--proc", "/proc"] + Self.hiddenProc() + ["--dev", "/dev"]
        let first = options
        options = []
        // Folders that bubblewrap makes by the way are 0700 and root's.
        for folder in ["/run", "/var", Self.home, "/etc", "/etc/oscircular"] {
            options += ["--perms", "0755", "--dir", folder]
        }
        for path in Self.systemFiles { options += ["--ro-bind-try", path, path] }
        options += ["--bind", exchangeDirectory, Self.exchange]
        for item in shared {
            for parent in item.parents { options += ["--perms", "0755", "--dir", parent] }
            options += [item.writable ? "--bind" : "--ro-bind", item.path, item.path]
        }
        self.options = (first, options)

        var command: [String] = []
        if asRoot {
            command += [
                try HostProgram.setpriv.path(), "--reuid=\(user.uid)", "--regid=\(user.gid)", "--clear-groups",
                "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all",
            ]
        }
        self.command = command
        prlimit = try HostProgram.prlimit.path()
        self.bounds = bounds
        sshd = try HostProgram.sshd.path()
    }

    /// For one connection: sshd speaks on standard input and output and logs to standard error.
    /// - Parameters:
    ///   - agent: the socket on the host where sshd asks for its host key's signatures.
    ///   - mayWrite: else files can be read and removed only, and nothing new gets a name.
    ///   - information: see ``informationDescriptor``.
    /// - Throws: ``SystemCallError`` of the pipes.
    func start(
        agent: String, mayWrite: Bool = true, information: FileHandle? = nil, mode: String = "-i"
    ) throws(SystemCallError) -> Start {
        var descriptors: [Int32: FileHandle] = [:]
        // 3 and 9 are others'.
        var free: Int32 = 10
        func add(_ bytes: [UInt8]) throws(SystemCallError) -> String {
            descriptors[free] = try Pipe.holding(bytes)
            free += 1
            return "\(free - 1)"
        }
        let own = bounds.processLimits
        var options = self.options.first + Self.memoryFolders(isSmall: own != nil) + self.options.last
        if let information {
            descriptors[Self.informationDescriptor] = information
            options += ["--info-fd", "\(Self.informationDescriptor)"]
        }
        for file in files {
            options += ["--perms", "0644", "--file", try add(Array(file.text.utf8)), file.path]
        }
        let filter = mayWrite ? own != nil ? filters.noSharedMemory : filters.usual : filters.noNewFiles
        options += ["--ro-bind", agent, Self.agent, "--seccomp", try add(filter)]
        // In /proc a login would take back how much the kernel prefers it for ending (oom_score_adj).
        options += ["--remount-ro", "/proc"]
        // Not where logins begin: in root's session bubblewrap has no right to enter the other user's folder. sshd goes there by itself.
        options += ["--remount-ro", "/", "--chdir", "/"]
        let list = try add(options.flatMap { Array($0.utf8) + [0] })
        let limits = (own?.options ?? []) + (mayWrite ? [] : ["--fsize=0"])
        let limiting = limits.isEmpty ? [] : [prlimit] + limits
        return Start(
            arguments: ["--args", list, "--"] + command + limiting + [sshd, "-e", "-f", Self.configuration, mode],
            descriptors: descriptors)
    }

    /// Runs the sandbox once without a connection. Takes some ten milliseconds.
    /// - Parameter agent: a path for a socket.
    /// - Throws: ``GuestNetworkError/sandboxUnavailable(_:output:)``.
    func check(agent: String) throws(GuestNetworkError) {
        let ending: ChildProcess.Ending
        let output: String
        do throws(SystemCallError) {
            // sshd connects, and asks for nothing.
            let listener = try UnixListener(path: agent, owner: user.uid)
            defer { withExtendedLifetime(listener) {} }
            // sshd -t reads its configuration and keys and ends.
            let start = try self.start(agent: agent, mode: "-t")
            let log = try Pipe()
            try log.reading.makeNonblocking()
            let child = try ChildProcess(
                program, start.arguments, standardOutput: log.writing.descriptor, standardError: log.writing.descriptor,
                otherDescriptors: start.descriptors.mapValues(\.descriptor))
            withExtendedLifetime(start) {}
            ending = child.wait()
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 2000, alignment: 8)
            defer { buffer.deallocate() }
            if case .bytes(let count) = try log.reading.receive(into: buffer) {
                output = String(decoding: buffer[..<count], as: UTF8.self)
            } else {
                output = ""
            }
        } catch {
            throw GuestNetworkError(error)
        }
        guard ending == .exited(0) else { throw .sandboxUnavailable(ending, output: output) }
    }

    /// In memory, so bounded: the guest must not fill the host's.
    /// - Parameter isSmall: nothing else counts what is in them.
    private static func memoryFolders(isSmall: Bool) -> [String] {
        ["--perms", "1777", "--size", isSmall ? "16777216" : "67108864", "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
            + ["--perms", "1777", "--size", isSmall ? "16777216" : "268435456", "--tmpfs", "/tmp"]
    }

    /// /usr, and the top-level names that point into it or (without merged /usr) stand beside it.
    static func systemFolders() -> [String] {
        var options = ["--ro-bind", "/usr", "/usr"]
        for path in ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"] {
            // What cannot be looked at is tried as a folder.
            if let target = try? Paths.target(ofLink: path) {
                options += ["--symlink", target, path]
            } else {
                options += ["--ro-bind-try", path, path]
            }
        }
        return options
    }

    /// What shells and dynamic linking need; nothing that tells of users or secrets.
    private static let systemFiles = [
        "/etc/alternatives", "/etc/bash.bashrc", "/etc/debian_version", "/etc/inputrc", "/etc/ld.so.cache",
        "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/os-release", "/etc/profile", "/etc/shells",
        "/etc/terminfo", "/etc/timezone",
    ]

    /// What /proc says of the host and not of the sandbox's processes: keys, the kernel's command line and configuration, disks. A device that
    /// cannot be opened lies over each.
    static func hiddenProc() -> [String] {
        [
            "cmdline", "config.gz", "diskstats", "iomem", "ioports", "kallsyms", "kcore", "key-users", "keys", "kmsg",
            "latency_stats", "modules", "mtrr", "partitions", "sched_debug", "slabinfo", "swaps", "timer_list",
            "vmallocinfo",
        ]
        .map { "/proc/\($0)" }
        // As bubblewrap finds it: it can cover only what is there.
        .filter { (try? Paths.isThere($0)) == true }
        .flatMap { ["--ro-bind", "/dev/null", $0] }
    }

    private static let folder = "/etc/oscircular"
    private static let configuration = "\(folder)/sshd_config"
    private static let agent = "\(folder)/agent"

    private static func files(keys: SessionKeys, user: SandboxUser) -> [File] {
        let names = user.loginName == "root" ? ["root"] : ["root", user.loginName]
        let shell = Paths.allows(.executing, "/bin/bash") ? "/bin/bash" : "/bin/sh"
        let accounts = names.map { "\($0):x:\(user.uid):\(user.gid):\($0):\(exchange):\(shell)\n" }
        return [
            File(path: "/etc/passwd", text: accounts.joined()),
            // Nobody has the password "*"; "!" would mean a locked account, which sshd refuses.
            File(path: "/etc/shadow", text: names.map { "\($0):*:1::::::\n" }.joined()),
            // sshd wants terminals in the group tty; so the one group that a sandbox without root has gets that name too.
            File(path: "/etc/group", text: "session:x:\(user.gid):\ntty:x:\(user.gid):\n"),
            File(
                path: "/etc/nsswitch.conf", text: "passwd: files\ngroup: files\nshadow: files\nhosts: files\n"),
            File(path: "/etc/hosts", text: "127.0.0.1 localhost\n"),
            File(path: "\(folder)/authorized_keys", text: keys.guestIdentity.publicKey + "\n"),
            // There is no private half beside it: sshd asks the agent.
            File(path: "\(folder)/host_key.pub", text: keys.gatewayHost.publicKey + "\n"),
            File(path: configuration, text: SSHServerConfiguration.text),
        ]
    }
}

/// The host user that logins from the guest run as: in a user's session that user, in root's session never root.
package struct SandboxUser: Sendable, Equatable {
    package let uid: UserID
    package let gid: GroupID
    /// The login that works besides `root`: the name of the user that runs the session.
    package let loginName: String

    private init(uid: UserID, gid: GroupID) {
        self.uid = uid
        self.gid = gid
        loginName = UserDatabase.user(id: CurrentUser.id)?.name ?? "user"
    }

    /// One that only one session of root's has: what the kernel counts for users (processes, keys, watches) it counts for the session
    /// then, and no session's logins have rights to what another's made.
    /// - Parameter number: nobody else's, as a user's and as a group's.
    package init(number: UserID) { self.init(uid: number, gid: number) }

    /// For the user of this process: in root's case an unprivileged one of the system's, which other sessions have, too.
    /// - Throws: ``GuestNetworkError/noUnprivilegedUser``.
    package static func current() throws(GuestNetworkError) -> SandboxUser {
        if !CurrentUser.isRoot { return SandboxUser(uid: CurrentUser.id, gid: CurrentUser.group) }
        for candidate in ["oscircular", "nobody"] {
            if let found = UserDatabase.user(named: candidate), found.id != 0, found.group != 0 {
                return SandboxUser(uid: found.id, gid: found.group)
            }
        }
        throw .noUnprivilegedUser
    }
}
