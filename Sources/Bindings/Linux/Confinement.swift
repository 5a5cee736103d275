import CLinux
import Glibc

/// How a process gives up what it does not need, for good. For a process of one thread: some of it counts for the calling thread only,
/// and the kernel refuses the rest where there are several.
package enum Confinement {
    /// Namespaces of a process's own, by the kernel's CLONE_NEW flags.
    package struct Namespaces: OptionSet, Sendable {
        package let rawValue: Int32

        package init(rawValue: Int32) { self.rawValue = rawValue }

        package static let mounts = Namespaces(rawValue: Int32(CLONE_NEWNS))
        package static let hostName = Namespaces(rawValue: Int32(CLONE_NEWUTS))
        package static let ipc = Namespaces(rawValue: Int32(CLONE_NEWIPC))
        package static let users = Namespaces(rawValue: Int32(CLONE_NEWUSER))
        /// Of the children that come; this process stays where it is.
        package static let childProcesses = Namespaces(rawValue: Int32(CLONE_NEWPID))
    }

    /// Enters new namespaces. In a new one of users, the present user and group keep their numbers, and there are no others.
    /// - Parameter proc: a descriptor of the folder /proc, for a process whose root has none any more.
    /// - Throws: ``SystemCallError`` of `unshare`, EPERM or ENOSPC where the machine forbids it, or of writing the map.
    package static func enter(_ namespaces: Namespaces, proc: FileHandle) throws(SystemCallError) {
        let (user, group) = (geteuid(), getegid())
        try systemCall("unshare") { osc_unshare(namespaces.rawValue) }
        guard namespaces.contains(.users) else { return }
        for (name, text) in [
            ("setgroups", "deny"), ("uid_map", "\(user) \(user) 1\n"), ("gid_map", "\(group) \(group) 1\n"),
        ] {
            let file = FileHandle(
                owning: try systemCall("open", name) { openat(proc.descriptor, "self/\(name)", O_WRONLY | O_CLOEXEC) })
            let bytes = Array(text.utf8)
            try systemCall("write", name) { Glibc.write(file.descriptor, bytes, bytes.count) }
        }
    }

    /// An empty root in memory, in a mount namespace of this process's own. Nothing else of the machine's files has a name afterwards.
    /// - Parameters:
    ///   - shown: a file of the machine that stays visible, and its name in the root.
    ///   - written: the path of an empty file in the root, in one folder.
    /// - Returns: that file, open for writing.
    /// - Throws: ``SystemCallError`` of the mounts.
    package static func enterEmptyRoot(
        showing shown: (path: String, name: String), writing written: (folder: String, name: String)
    ) throws(SystemCallError) -> FileHandle {
        let file = FileHandle(
            owning: try systemCall("open", shown.path) { open(shown.path, osc_O_PATH | O_CLOEXEC | O_NOFOLLOW) })
        let root = "/tmp"
        try systemCall("mount", "/") { mount("none", "/", nil, osc_MS_HERE_ONLY, nil) }
        try systemCall("mount", root) {
            mount(
                "tmpfs", root, "tmpfs", osc_MS_PLAIN, "size=65536,nr_inodes=16,mode=0755")
        }
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC
        let target = "\(root)/\(shown.name)"
        _ = try FileHandle(path: target, flags: flags, mode: 0o600)
        try systemCall("mount", shown.path) {
            mount("/proc/self/fd/\(file.descriptor)", target, nil, osc_MS_BIND, nil)
        }
        try systemCall("mkdir", written.folder) { mkdir("\(root)/\(written.folder)", 0o755) }
        let output = try FileHandle(path: "\(root)/\(written.folder)/\(written.name)", flags: flags, mode: 0o644)
        try systemCall("chdir", root) { chdir(root) }
        // The old root comes to lie over the new one, and is taken away.
        try systemCall("pivot_root") { osc_pivot_root(".", ".") }
        try systemCall("umount") { umount2(".", Int32(MNT_DETACH)) }
        try systemCall("chdir", "/") { chdir("/") }
        return output
    }

    /// Root becomes another user for good; capabilities in the machine's own namespace of users end with it.
    /// - Throws: ``SystemCallError`` of `setresuid`.
    package static func become(_ user: UserID, _ group: GroupID) throws(SystemCallError) {
        try systemCall("setresuid") { osc_become(user, group) }
        // Lost with the change; what it protects is set in `giveUpRights`.
        _ = osc_prctl(PR_SET_DUMPABLE, 1)
    }

    /// No capabilities, none to be had from a program, no look into this process's memory for others of its user.
    /// - Throws: ``SystemCallError``.
    package static func giveUpRights() throws(SystemCallError) {
        try systemCall("prctl") { osc_prctl(PR_SET_NO_NEW_PRIVS, 1) }
        try systemCall("capset") { osc_keep_capabilities(0) }
        try systemCall("prctl") { osc_prctl(PR_SET_DUMPABLE, 0) }
    }

    /// What root can do, as far as something here needs it; the numbers are those of capabilities(7).
    package enum Capability: Int, Sendable, CaseIterable {
        case changeOwner = 0
        case passPermissions = 1
        case searchEverywhere = 2
        case actAsOwner = 3
        case signalOthers = 5
        case changeGroup = 6
        case changeUser = 7
        case giveCapabilities = 8
        case takeLowPorts = 10
        case administerNetworks = 12
        case changeRoot = 18
        case administer = 21
        case passLimits = 24
    }

    /// Root gives up all other capabilities, and so do the programs that it starts; none of them gets more from its file.
    /// - Throws: ``SystemCallError``.
    package static func keep(_ capabilities: [Capability]) throws(SystemCallError) {
        try systemCall("prctl") { osc_prctl(PR_SET_NO_NEW_PRIVS, 1) }
        let mask = capabilities.reduce(UInt64(0)) { $0 | 1 << UInt64($1.rawValue) }
        try systemCall("capset") { osc_keep_capabilities(mask) }
    }

    /// Goes on in a child, the first process of its namespace if one was asked for. The process that was here waits for it, ends as it
    /// ended, and takes it along when it is killed.
    /// - Throws: ``SystemCallError`` of `fork`.
    package static func continueInChild() throws(SystemCallError) {
        let child = try systemCall("fork") { osc_fork() }
        if child == 0 {
            try systemCall("prctl") { osc_prctl(PR_SET_PDEATHSIG, UInt(SIGKILL)) }
            // The parent may be gone already.
            if getppid() == 1 { _exit(1) }
            return
        }
        // What the child has open is the child's alone: its end is seen at once.
        for descriptor in 3..<Int32(1024) { close(descriptor) }
        var status: Int32 = 0
        while waitpid(child, &status, 0) == -1 && errno == EINTR {}
        _exit(status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + (status & 0x7F))
    }

    /// The process ends with the thread that started it, even where that is killed.
    package static func endWithParent() { _ = osc_prctl(PR_SET_PDEATHSIG, UInt(SIGKILL)) }
}
