import Linux
import Seccomp

/// e2fsprogs on one disk that a guest wrote, in a sandbox of the kind that serves the guest's logins: whoever takes such a program over has
/// that file, /usr to read, and nothing else of the host.
package struct FileSystemTool: Sendable {
    package enum Program: Sendable {
        /// Makes an ext4 file system.
        case make
        /// Checks and repairs one.
        case check
        case resize
        /// Sets its label and its number.
        case tune

        fileprivate var host: HostProgram {
            switch self {
            case .make: .makeFileSystem
            case .check: .checkFileSystem
            case .resize: .resizeFileSystem
            case .tune: .tuneFileSystem
            }
        }
    }

    /// The disk's name inside, for the arguments.
    package static let disk = "/disk"
    /// Bytes of memory that a program may use.
    private static let memory = 1 << 30

    /// The file, which ``user`` owns in root's case.
    private let path: String
    /// Whom the program runs as in root's case; it may be nobody else's.
    private let user: SandboxUser?

    /// - Parameters:
    ///   - path: a raw image of a file system.
    ///   - user: nil for this process's own.
    package init(path: String, user: SandboxUser?) {
        self.path = path
        self.user = user
    }

    /// Whether all that ``run(_:_:sizeLimit:within:)`` needs is installed.
    /// - Throws: ``GuestNetworkError/missingProgram(_:package:)``.
    package static func checkIsInstalled() throws(GuestNetworkError) {
        for program: HostProgram in [
            .bwrap, .setpriv, .prlimit, .makeFileSystem, .checkFileSystem, .resizeFileSystem, .tuneFileSystem,
        ] { _ = try program.path() }
    }

    /// Runs a program to its end; holds the calling thread.
    /// - Parameters:
    ///   - sizeLimit: bytes that the file has at most afterwards.
    ///   - time: after it the program is ended.
    /// - Throws: ``GuestNetworkError``.
    package func run(
        _ program: Program, _ arguments: [String], sizeLimit: UInt64, within time: Duration
    ) throws(GuestNetworkError) -> ChildProcess.Finished {
        var command: [String] = []
        if let user {
            command += [
                try HostProgram.setpriv.path(), "--reuid=\(user.uid)", "--regid=\(user.gid)", "--clear-groups",
                "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all",
            ]
        }
        command += [
            try HostProgram.prlimit.path(), "--data=\(Self.memory)", "--fsize=\(sizeLimit)", "--nofile=64", "--core=0",
            "--cpu=\(time.components.seconds + 1)", try program.host.path(),
        ]
        let bwrap = try HostProgram.bwrap.path()
        do throws(SystemCallError) {
            let filter = try Pipe.holding(
                try SystemCallFilter.sandbox(sharesMemory: true, makesFiles: true).program())
            let list = try Pipe.holding(options(filter: Self.filterDescriptor).flatMap { Array($0.utf8) + [0] })
            defer { withExtendedLifetime((filter, list)) {} }
            return try ChildProcess.run(
                bwrap, ["--args", "\(Self.listDescriptor)", "--"] + command + arguments,
                otherDescriptors: [
                    Self.filterDescriptor: filter.descriptor, Self.listDescriptor: list.descriptor,
                ], within: time)
        } catch {
            throw GuestNetworkError(error)
        }
    }

    private static let filterDescriptor: Int32 = 10
    private static let listDescriptor: Int32 = 11

    private func options(filter: Int32) -> [String] {
        var options = ["--die-with-parent", "--new-session", "--unshare-ipc", "--unshare-pid", "--unshare-net"]
        options += ["--unshare-uts", "--unshare-cgroup-try", "--hostname", "host"]
        if user != nil {
            options += [
                "--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP",
            ]
        } else {
            options += ["--unshare-user", "--disable-userns"]
        }
        options += SSHSandbox.systemFolders()
        options += ["--proc", "/proc"] + SSHSandbox.hiddenProc() + ["--dev", "/dev", "--remount-ro", "/dev"]
        options += ["--perms", "0755", "--dir", "/etc"]
        for path in ["/etc/ld.so.cache", "/etc/mke2fs.conf"] { options += ["--ro-bind-try", path, path] }
        // New inode tables stay holes: the guest's kernel knows that they count as empty, and resize2fs asks /sys whether it does.
        options += ["--setenv", "RESIZE2FS_FORCE_LAZY_ITABLE_INIT", "1"]
        options += ["--bind", path, Self.disk, "--seccomp", "\(filter)"]
        return options + ["--remount-ro", "/", "--chdir", "/"]
    }
}
