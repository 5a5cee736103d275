import Linux
import Seccomp
import Synchronization

/// Serves one folder of the host to a guest: virtiofsd in a sandbox that shows that folder, /usr to read, and nothing else.
///
/// It has the rights of one user and of no other, never root's: who takes it over, and who leads it astray by links, is where the guest is
/// anyway. In the guest what is that user's belongs to number 1000, the usual first user, and what is others' to nobody.
package final class FolderServer: Sendable {
    /// Whom a folder is served as where that is not this process's own user.
    package struct User: Sendable, Equatable {
        package let uid: UserID
        package let gid: GroupID
        package let name: String
        /// Whether the user's other groups count as well.
        package let hasGroups: Bool

        package init(_ user: UserDatabase.User) {
            (uid, gid, name, hasGroups) = (user.id, user.group, user.name, true)
        }

        /// Who may what everybody may.
        package init(_ user: SandboxUser, name: String) {
            (uid, gid, self.name, hasGroups) = (user.uid, user.gid, name, false)
        }

        /// What makes a program that follows the user's.
        fileprivate func command() throws(GuestNetworkError) -> [String] {
            [
                try HostProgram.setpriv.path(), "--reuid=\(uid)", "--regid=\(gid)",
                hasGroups ? "--init-groups" : "--clear-groups", "--bounding-set=-all", "--inh-caps=-all",
                "--ambient-caps=-all",
            ]
        }

        /// Whether the user may do this with a file or folder.
        /// - Parameter letter: `r`, `w` or `x`.
        /// - Throws: ``GuestNetworkError``.
        package func may(_ letter: Character, _ path: String) throws(GuestNetworkError) -> Bool {
            let command = try command()
            let (ending, _) = try HostProgram.run(
                command[0], Array(command.dropFirst()) + ["/usr/bin/test", "-\(letter)", path])
            return ending == .exited(0)
        }
    }

    /// The two programs of the name: QEMU's own in C, and its successor, which is another package's.
    struct Program: Equatable {
        let path: String
        let isSuccessor: Bool

        static let all = [
            Program(path: "/usr/libexec/virtiofsd", isSuccessor: true),
            Program(path: "/usr/lib/virtiofsd", isSuccessor: true),
            Program(path: "/usr/lib/qemu/virtiofsd", isSuccessor: false),
        ]

        static var installed: Program? { all.first { Paths.allows(.executing, $0.path) } }

        /// The sandbox is ours; the older one knows none that does without one of its own.
        func arguments(folder: String, listener: Int32) -> [String] {
            let common = ["--fd=\(listener)", "--rlimit-nofile=0"]
            return isSuccessor
                ? common + ["--shared-dir=\(folder)", "--sandbox=none"]
                : common + ["-f", "-o", "source=\(folder)", "-o", "sandbox=chroot", "-o", "no_xattr"]
        }
    }

    /// Whether this machine has a virtiofsd.
    package static var isInstalled: Bool { Program.installed != nil }
    /// Debian's package of it; until Debian 12 it came with QEMU.
    package static let package = "virtiofsd"

    /// The folder's name inside.
    private static let inside = "/share"
    /// Who owns in the guest what is the user's here.
    private static let guestUser = 1000
    /// Bytes of memory, without the guest's own; files and folders that a guest may know at a time.
    private static let memory = 1 << 29
    private static let openFiles = 262_144
    private static let (filterDescriptor, listDescriptor, listenerDescriptor): (Int32, Int32, Int32) = (10, 11, 12)

    private let running: Running

    /// Starts the server; it waits for QEMU, and ends when QEMU leaves. Takes milliseconds.
    /// - Parameters:
    ///   - path: of the folder, without links.
    ///   - user: nil for this process's own, who is not root.
    ///   - socketPath: where QEMU connects; in a folder of the session's.
    ///   - socketOwner: QEMU's user where that is not this process's.
    ///   - ended: hears how it ended, and its last words, unless ``end()`` was called.
    /// - Throws: ``GuestNetworkError``.
    package init(
        _ path: String, isReadOnly: Bool, user: User?, socketPath: String, socketOwner: UserID?,
        ended: @escaping @Sendable (String) -> Void
    ) throws(GuestNetworkError) {
        guard let program = Program.installed else {
            throw .missingProgram("virtiofsd", package: FolderServer.package)
        }
        // A folder of root's must be served by nobody who is root.
        guard user?.uid != 0, user != nil || !CurrentUser.isRoot else { throw .noUnprivilegedUser }
        let files = min(DescriptorLimit.raise(), FolderServer.openFiles)
        var command = [
            try HostProgram.prlimit.path(), "--data=\(FolderServer.memory)", "--nofile=\(files)", "--core=0",
        ]
        if let user { command += try user.command() }
        command += [try HostProgram.bwrap.path(), "--args", "\(FolderServer.listDescriptor)", "--"]
        command.append(program.path)
        command += program.arguments(folder: FolderServer.inside, listener: FolderServer.listenerDescriptor)
        let (filter, list): (FileHandle, FileHandle)
        do throws(SystemCallError) {
            filter = try Pipe.holding(try SystemCallFilter.folderServer().program())
            let options = FolderServer.options(path, isReadOnly: isReadOnly)
            list = try Pipe.holding(options.flatMap { Array($0.utf8) + [0] })
            let door = try UnixListener(path: socketPath, owner: socketOwner)
            // The server expects to wait for QEMU there.
            try door.makeBlocking()
            // Given away: who kept it would keep the door open.
            let listener = Mutex<UnixListener?>(door)
            let started = Monitor<Result<Running, SystemCallError>?>(nil)
            // The server ends with the thread that started it (--die-with-parent), so that one stays: a session that is killed leaves none.
            try WorkerThread.start(name: "folder") { [command] in
                do throws(SystemCallError) {
                    let running = try Running(command, filter: filter, list: list, takingFrom: listener)
                    started.change { $0 = .success(running) }
                    running.follow(ended)
                } catch {
                    started.change { $0 = .failure(error) }
                }
            }
            // Without a deadline there is always an answer.
            guard let result = started.wait({ $0 }) else { throw SystemCallError(.timedOut, call: "posix_spawn") }
            running = try result.get()
        } catch {
            throw GuestNetworkError(error)
        }
    }

    private static func options(_ path: String, isReadOnly: Bool) -> [String] {
        var options = ["--die-with-parent", "--new-session", "--unshare-user", "--disable-userns", "--unshare-ipc"]
        options += ["--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "host"]
        // These count for what is this user's, and for nothing else of the host.
        options += ["--uid", "\(guestUser)", "--gid", "\(guestUser)", "--cap-add", "ALL"]
        options += SSHSandbox.systemFolders()
        options += ["--proc", "/proc"] + SSHSandbox.hiddenProc() + ["--dev", "/dev", "--remount-ro", "/dev"]
        options += ["--perms", "0755", "--dir", "/etc", "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
        options += [isReadOnly ? "--ro-bind" : "--bind", path, inside, "--seccomp", "\(filterDescriptor)"]
        return options + ["--remount-ro", "/", "--chdir", "/"]
    }

    /// Whether it still runs.
    package var isRunning: Bool { running.state.withLock { !$0.hasEnded } }

    /// Waits until it sees the folder, a part of a second: what the folder's name leads to later is of no matter. Not for one that has ended, or
    /// says nothing for seconds.
    package func waitForStart() { running.waitForStart() }

    /// QEMU is connected: nobody else can be from now on.
    package func closeDoor() { running.state.withLock { $0.listener = nil } }

    /// Ends it; waits for its start, which takes a part of a second. What a guest wants of the folder afterwards it waits for in vain.
    package func end() { running.end() }

    /// The process, and the thread that follows it.
    private final class Running: Sendable {
        struct State {
            /// Nobody waits for an answer at a socket that nobody has open any more.
            var listener: UnixListener?
            var hasEnded = false
            var isWanted = true
            var words: [UInt8] = []
        }

        let state: Mutex<State>
        private let child: ChildProcess
        private let reading: FileHandle

        init(
            _ command: [String], filter: FileHandle, list: FileHandle, takingFrom door: borrowing Mutex<UnixListener?>
        ) throws(SystemCallError) {
            let listener = door.withLock { door in
                defer { door = nil }
                return door
            }
            let words = try Pipe()
            try words.reading.makeNonblocking()
            child = try ChildProcess(
                command[0], Array(command.dropFirst()), standardError: words.writing.descriptor,
                otherDescriptors: [
                    FolderServer.filterDescriptor: filter.descriptor, FolderServer.listDescriptor: list.descriptor,
                    FolderServer.listenerDescriptor: listener?.descriptor ?? -1,
                ], session: .own)
            reading = words.reading
            state = Mutex(State(listener: listener))
        }

        /// Reads what it says until it has ended.
        func follow(_ ended: @Sendable (String) -> Void) {
            var isOpen = true
            while true {
                var sources = [PollSource(child.descriptor), PollSource(isOpen ? reading.descriptor : nil)]
                // For want of memory, which comes back.
                do { try PollSource.wait(for: &sources) } catch { MonotonicClock.pause(milliseconds: 100) }
                if sources[1].isReadable { isOpen = take() }
                if sources[0].hasNews { break }
            }
            _ = take()
            let (ending, isWanted, words) = state.withLock { state in
                state.listener = nil
                state.hasEnded = true
                return (child.reap(), state.isWanted, String(decoding: state.words, as: UTF8.self))
            }
            guard isWanted else { return }
            let last = words.split(separator: "\n").suffix(3).joined(separator: "; ")
            ended((ending.map { "\($0)" } ?? "no reason given") + (last.isEmpty ? "" : ": \(last)"))
        }

        /// - Returns: false when nothing more comes.
        private func take() -> Bool {
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 16)
            defer { buffer.deallocate() }
            do throws(SystemCallError) {
                switch try reading.receive(into: buffer) {
                case .bytes(let count):
                    state.withLock { $0.words = Array(($0.words + buffer[..<count]).suffix(2000)) }
                    return true
                case .nothingYet: return true
                case .end: return false
                }
            } catch {
                return false
            }
        }

        /// Its first words come when bubblewrap has made its folders.
        func waitForStart() {
            for _ in 0..<300 where state.withLock({ $0.words.isEmpty && !$0.hasEnded && $0.isWanted }) {
                MonotonicClock.pause(milliseconds: 10)
            }
        }

        func end() {
            // What bubblewrap starts ends with it only from a moment on that has come when the server says its first words: killed before,
            // it would leave that behind.
            waitForStart()
            state.withLock { state in
                state.isWanted = false
                state.listener = nil
                if !state.hasEnded { child.send(.kill) }
            }
        }
    }
}
