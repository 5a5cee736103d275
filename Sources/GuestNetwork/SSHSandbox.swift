import Linux

/// The bubblewrap command line that one ssh connection runs in, and the files that it shows there.
///
/// What is inside: /usr and a few files of /etc, read-only; own passwd, shadow and group; the exchange folder as home; what
/// the user shares. No other folder of the host; no network but an own, empty loopback; own processes only.
///
/// Who it is: sshd runs without root, so its one user has several names. A user's session: bubblewrap makes a user namespace
/// that maps the user to itself. Root's session: a root in the sandbox would still own the host's root files and /proc/sys, even
/// in a user namespace. So bubblewrap runs as root only to mount, and setpriv then changes to an unprivileged user for good:
/// no capabilities, no_new_privs, no way back. The exchange folder belongs to that user.
struct SSHSandbox {
    /// The exchange folder's name inside; the home of every login.
    static let home = "/exchange"
    /// Where bubblewrap writes `{"child-pid": N, …}`: the sandbox's first process, which is the last to end.
    static let informationDescriptor: Int32 = 3

    let program: String
    private let arguments: [String]

    /// Writes the private files and checks that everything is there.
    /// - Parameters:
    ///   - directory: private to this sandbox; its content is replaced.
    ///   - user: as ``SandboxUser/current()`` gave it.
    ///   - processLimit: of one login; nil where its processes are counted for the session.
    /// - Throws: ``GuestNetworkError``.
    init(
        directory: String, exchangeDirectory: String, shared: [SharedPath], keys: SessionKeys, user: SandboxUser,
        processLimit: Int?
    ) throws(GuestNetworkError) {
        for item in shared { try item.validate() }
        let asRoot = CurrentUser.isRoot
        let sshd = try HostProgram.sshd.path()
        program = try HostProgram.bwrap.path()
        let prlimit = try HostProgram.prlimit.path()
        try PrivateDirectory.make(exchangeDirectory, owner: asRoot ? user : nil)
        try PrivateDirectory.make(directory, owner: asRoot ? user : nil)
        try Self.writeFiles(directory: directory, keys: keys, user: user, asRoot: asRoot)

        var options = ["--die-with-parent", "--new-session", "--unshare-ipc", "--unshare-pid"]
        options += ["--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
        if asRoot {
            options += [
                "--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP",
            ]
        } else {
            options += ["--unshare-user", "--disable-userns"]
        }
        options += Self.systemFolders()
        // In memory, so bounded: the guest must not fill the host's.
        options += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--size", "67108864", "--tmpfs", "/dev/shm"]
        options += ["--remount-ro", "/dev", "--perms", "1777", "--size", "268435456", "--tmpfs", "/tmp"]
        // Folders that bubblewrap makes by the way are 0700 and root's.
        for folder in ["/run", "/var", "/etc"] { options += ["--perms", "0755", "--dir", folder] }
        for path in Self.systemFiles { options += ["--ro-bind-try", path, path] }
        options += ["--ro-bind", directory, "/etc/oscircular"]
        for name in Self.accountFiles { options += ["--ro-bind", "\(directory)/\(name)", "/etc/\(name)"] }
        options += ["--bind", exchangeDirectory, Self.home]
        for item in shared {
            for parent in item.parents { options += ["--perms", "0755", "--dir", parent] }
            options += [item.writable ? "--bind" : "--ro-bind", item.path, item.path]
        }
        // Not home: in root's session bubblewrap has no right to enter the other user's folder. sshd goes there by itself.
        options += ["--remount-ro", "/", "--chdir", "/", "--"]
        if asRoot {
            options += [
                try HostProgram.setpriv.path(), "--reuid=\(user.uid)", "--regid=\(user.gid)", "--clear-groups",
                "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all",
            ]
        }
        if let processLimit { options += [prlimit, "--nproc=\(processLimit)"] }
        options += [sshd, "-e", "-f", "/etc/oscircular/sshd_config"]
        arguments = options
    }

    /// For one connection: sshd speaks on standard input and output and logs to standard error.
    var connectionArguments: [String] { ["--info-fd", "\(Self.informationDescriptor)"] + arguments + ["-i"] }

    /// Runs the sandbox once without a connection. Takes some ten milliseconds.
    /// - Throws: ``GuestNetworkError/sandboxUnavailable(_:output:)``.
    func check() throws(GuestNetworkError) {
        // sshd -t reads its configuration and keys and ends.
        let (ending, output) = try HostProgram.run(program, arguments + ["-t"])
        guard ending == .exited(0) else { throw .sandboxUnavailable(ending, output: output) }
    }

    /// /usr, and the top-level names that point into it or (without merged /usr) stand beside it.
    private static func systemFolders() -> [String] {
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

    private static let accountFiles = ["passwd", "shadow", "group", "nsswitch.conf", "hosts"]

    /// Removes what the initializer wrote, and the folder.
    static func removeFiles(in directory: String) {
        for name in accountFiles + ["authorized_keys", "host_key", "sshd_config"] {
            Paths.removeIfPossible("\(directory)/\(name)")
        }
        // A file that stayed keeps it, in a folder that the session removes at its end.
        _ = try? Paths.removeFolder(directory)
    }

    private static func writeFiles(
        directory: String, keys: SessionKeys, user: SandboxUser, asRoot: Bool
    ) throws(GuestNetworkError) {
        let names = user.loginName == "root" ? ["root"] : ["root", user.loginName]
        let shell = Paths.allows(.executing, "/bin/bash") ? "/bin/bash" : "/bin/sh"
        do throws(SystemCallError) {
            let files = [
                ("passwd", names.map { "\($0):x:\(user.uid):\(user.gid):\($0):\(home):\(shell)\n" }.joined()),
                // Nobody has the password "*"; "!" would mean a locked account, which sshd refuses.
                ("shadow", names.map { "\($0):*:1::::::\n" }.joined()),
                // sshd wants terminals in the group tty; so the one group that a sandbox without root has gets that name too.
                ("group", "session:x:\(user.gid):\ntty:x:\(user.gid):\n"),
                ("nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files\n"),
                ("hosts", "127.0.0.1 localhost\n"),
                ("authorized_keys", keys.guestIdentity.publicKey + "\n"),
                ("host_key", try FileContents.readText(keys.gatewayHost.privateKeyPath, limit: SSHKeyPair.fileLimit)),
                ("sshd_config", SSHServerConfiguration.text),
            ]
            for (name, text) in files {
                let path = "\(directory)/\(name)"
                try AtomicFile.write(text, to: path, mode: name == "host_key" ? 0o600 : 0o644)
                if asRoot { try Paths.setOwner(path, user.uid, user.gid) }
            }
        } catch {
            throw GuestNetworkError(error)
        }
    }
}

/// The host user that logins from the guest run as: in a user's session that user, in root's session never root.
package struct SandboxUser: Sendable, Equatable {
    package let uid: UserID
    package let gid: GroupID
    /// The login that works besides `root`: the name of the user that runs the session.
    package let loginName: String

    /// For the user of this process.
    /// - Throws: ``GuestNetworkError/noUnprivilegedUser``.
    package static func current() throws(GuestNetworkError) -> SandboxUser {
        let name = UserDatabase.user(id: CurrentUser.id)?.name ?? "user"
        if !CurrentUser.isRoot { return SandboxUser(uid: CurrentUser.id, gid: CurrentUser.group, loginName: name) }
        for candidate in ["oscircular", "nobody"] {
            if let found = UserDatabase.user(named: candidate), found.id != 0, found.group != 0 {
                return SandboxUser(uid: found.id, gid: found.group, loginName: name)
            }
        }
        throw .noUnprivilegedUser
    }
}

/// The configuration of the sshd that serves one connection of the guest. Its paths are those of ``SSHSandbox``.
enum SSHServerConfiguration {
    static let text = """
        HostKey /etc/oscircular/host_key
        AuthorizedKeysFile /etc/oscircular/authorized_keys
        AuthenticationMethods publickey
        PubkeyAuthentication yes
        PasswordAuthentication no
        KbdInteractiveAuthentication no
        HostbasedAuthentication no
        UsePAM no
        StrictModes no
        PidFile none
        DisableForwarding yes
        PermitTunnel no
        PermitUserEnvironment no
        PermitUserRC no
        UseDNS no
        PrintMotd no
        PrintLastLog no
        AcceptEnv LANG LC_*
        LoginGraceTime 30
        MaxAuthTries 3
        MaxSessions 8
        ClientAliveInterval 60
        ClientAliveCountMax 3
        LogLevel INFO
        Subsystem sftp internal-sftp

        """
}
