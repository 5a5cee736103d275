import Glibc
import Linux
import Seccomp
import Synchronization
import TestSupport
import Testing

@testable import GuestNetwork

extension GuestNetwork.Configuration {
    /// With the program that was just built: tests are another one.
    static func testing(
        mode: GuestNetworkMode, socketPath: String, sshSocketPath: String, guestSSHSocketPath: String? = nil,
        socketOwner: UserID? = nil
    ) -> Self {
        var configuration = Self(
            mode: mode, socketPath: socketPath, sshSocketPath: sshSocketPath, guestSSHSocketPath: guestSSHSocketPath,
            socketOwner: socketOwner)
        configuration.program = BuiltProgram.path("oscircular")
        configuration.user = TestUser.network
        return configuration
    }
}

/// Whom the network's process runs as where root tests it: it owns what that connects to.
enum TestUser {
    // Where there is none the first test that starts the network says so.
    static let network: SandboxUser? = CurrentUser.isRoot ? try? SandboxUser.current() : nil
}

/// The process that the network is: what it has given up, and what follows when it dies.
@Suite(.serialized)
struct NetworkProcessTests {
    private static let isRoot = geteuid() == 0
    #if arch(x86_64)
        private static let hasTheNumbersOfX86 = true
    #else
        private static let hasTheNumbersOfX86 = false
    #endif

    private final class Fixture: Sendable {
        let folder: TemporaryDirectory
        let gateway: UnixListener
        let network: GuestNetwork
        private let collector = Collector()

        init() throws {
            folder = try TemporaryDirectory(in: "/tmp", mode: 0o711)
            gateway = try UnixListener(path: folder.path + "/ssh", owner: TestUser.network?.uid)
            var configuration = GuestNetwork.Configuration.testing(
                mode: .user, socketPath: folder.path + "/net", sshSocketPath: gateway.path,
                guestSSHSocketPath: folder.path + "/guest")
            configuration.willRun = { [collector] in collector.add($0) }
            network = try GuestNetwork(configuration)
            Task { [network, collector] in for await event in network.events { collector.add(event) } }
        }

        deinit { network.close() }

        var heard: [GuestNetwork.Event] { collector.events }

        /// The process that serves: the only child of the one that was started last, and first in its namespace.
        func serving() throws -> ProcessID {
            let starter = try #require(collector.processes.last)
            let children = try FileContents.readText("/proc/\(starter)/task/\(starter)/children", limit: 4096)
            return try #require(children.split(separator: " ").first.flatMap { ProcessID($0) })
        }

        /// The process that was started last.
        var started: ProcessID? { collector.processes.last }

        var starts: Int { collector.processes.count }

        func greetOne() {
            try? WorkerThread.start(name: "greeter") { [gateway] in
                var item = pollfd(fd: gateway.descriptor, events: Int16(POLLIN), revents: 0)
                guard poll(&item, 1, 5000) > 0, let connection = gateway.accept(nonblocking: false) else { return }
                _ = send(connection.descriptor, "hello\r\n", 7, Int32(MSG_NOSIGNAL))
                poll(nil, 0, 500)
            }
        }
    }

    private final class Collector: Sendable {
        private let state = Mutex<([ProcessID], [GuestNetwork.Event])>(([], []))

        var processes: [ProcessID] { state.withLock { $0.0 } }
        var events: [GuestNetwork.Event] { state.withLock { $0.1 } }

        func add(_ process: ProcessID) { state.withLock { $0.0.append(process) } }
        func add(_ event: GuestNetwork.Event) { state.withLock { $0.1.append(event) } }
    }

    private func status(_ process: ProcessID) throws -> [String: String] {
        let text = try FileContents.readText("/proc/\(process)/status", limit: 65_536)
        let pairs = text.split(separator: "\n").compactMap { line -> (String, String)? in
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { return nil }
            return (String(parts[0]), String(parts[1].drop { $0 == "\t" }))
        }
        return Dictionary(pairs) { first, _ in first }
    }

    @Test func hasNoRightsAndNoWayToAny() async throws {
        try await BlockingThread.run {
            let fixture = try Fixture()
            let process = try fixture.serving()
            let user = try TestUser.network ?? SandboxUser.current()
            for pid in [process, try #require(fixture.started)] {
                let status = try status(pid)
                #expect(user.uid != 0)
                #expect(status["Uid"] == Array(repeating: "\(user.uid)", count: 4).joined(separator: "\t"))
                #expect(status["Gid"] == Array(repeating: "\(user.gid)", count: 4).joined(separator: "\t"))
                if Self.isRoot { #expect(status["Groups"]?.filter { $0 != " " } == "") }
                for name in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
                    #expect(status[name] == "0000000000000000", "\(name)")
                }
                #expect(status["NoNewPrivs"] == "1")
            }
            let status = try status(process)
            if !NetworkConfinement.isForSanitizers {
                #expect(status["Seccomp"] == "2", "a filter of system calls")
                #expect(status["Threads"] == "1")
            }
            #expect(status["NSpid"]?.split(separator: "\t").last == "1", "the first process of its namespace")
            let limits = try FileContents.readText("/proc/\(process)/limits", limit: 65_536)
            func limit(_ name: String) -> Int? {
                limits.split(separator: "\n").first { $0.hasPrefix(name) }?.dropFirst(name.count).split(separator: " ")
                    .first.flatMap { Int($0) }
            }
            if !NetworkConfinement.isForSanitizers {
                #expect(limit("Max data size") == NetworkConfinement.memoryLimit)
            }
            #expect(limit("Max open files") == NetworkConfinement.fileLimit)
            #expect(limit("Max core file size") == 0)
            #expect(limit("Max file size") == MessageSocket.messageLimit)
        }
    }

    @Test(.enabled(if: isRoot, "SKIPPED: only root may look into a process that nobody may look into"))
    func seesNoFileAndNoProcessOfTheMachine() async throws {
        try await BlockingThread.run {
            let fixture = try Fixture()
            let process = try fixture.serving()
            for name in ["mnt", "pid", "ipc", "uts", "user"] {
                #expect(
                    try Paths.target(ofLink: "/proc/\(process)/ns/\(name)")
                        != Paths.target(ofLink: "/proc/self/ns/\(name)"), "\(name)")
            }
            #expect(
                try Paths.target(ofLink: "/proc/\(process)/ns/net") == Paths.target(ofLink: "/proc/thread-self/ns/net"),
                "libslirp connects from the host's network")
            let root = "/proc/\(process)/root"
            #expect(Folder.namesIfAny(in: root).sorted() == ["entrance", "etc", "gateway"])
            #expect(Folder.namesIfAny(in: root + "/etc") == ["resolv.conf"])
            #expect(Folder.namesIfAny(in: "/proc/\(process)/cwd").sorted() == ["entrance", "etc", "gateway"])
            // No descriptor leads to a file or folder but the one of the resolver.
            let files = Folder.namesIfAny(in: "/proc/\(process)/fd").compactMap { name in
                try? Paths.target(ofLink: "/proc/\(process)/fd/\(name)")
            }.filter { $0.hasPrefix("/") && $0 != "/dev/null" }
            #expect(files == ["/etc/resolv.conf"])
        }
    }

    @Test func isReplacedWhenItIsKilledAndTheGuestStays() async throws {
        try await BlockingThread.run {
            let fixture = try Fixture()
            let guest = try FakeGuest(socketPath: fixture.folder.path + "/net")
            #expect(try guest.discover() == VirtualNetwork.guest)
            for round in 1...2 {
                let old = try fixture.serving()
                kill(old, SIGKILL)
                #expect(
                    eventuallyBlocking { fixture.heard.count == 2 * round }, "\(fixture.heard)")
                guard case .lost = fixture.heard[2 * round - 2] else {
                    throw SystemCallError(.badMessage, call: "event")
                }
                #expect(fixture.heard.last == .back)
                #expect(fixture.starts == round + 1)
                #expect(try fixture.serving() != old)
                #expect(!guest.hungUp)
                #expect(try guest.discover() == VirtualNetwork.guest)
                fixture.greetOne()
                #expect(try guest.banner(VirtualNetwork.gateway, 22) == "hello")
            }
        }
    }

    @Test func isReplacedAtAFramesBorderWhateverTheGuestSends() async throws {
        try await BlockingThread.run {
            let fixture = try Fixture()
            let guest = try FakeGuest(socketPath: fixture.folder.path + "/net")
            var random = SeededGenerator(state: 7)
            for round in 1...4 {
                let frame = guest.builder.udp(
                    from: 5000, to: IPv4Address(10, 0, 2, 77), 9, [UInt8](repeating: 0x55, count: 1400))
                let stream = withUnsafeBytes(of: UInt32(frame.count).bigEndian) { Array($0) } + frame
                let cut = Int.random(in: 1..<stream.count, using: &random)
                for _ in 0..<50 { try guest.sendRaw(stream) }
                try guest.sendRaw(Array(stream[..<cut]))
                kill(try fixture.serving(), SIGKILL)
                try guest.sendRaw(Array(stream[cut...]))
                #expect(eventuallyBlocking { fixture.heard.count == 2 * round })
                #expect(try guest.discover() == VirtualNetwork.guest, "cut at \(cut)")
                #expect(!guest.hungUp)
            }
        }
    }

    @Test func connectionsOfTheHostWaitForTheNextProcess() async throws {
        try await BlockingThread.run {
            let fixture = try Fixture()
            let guest = try FakeGuest(socketPath: fixture.folder.path + "/net")
            _ = try guest.resolve(VirtualNetwork.gateway)
            kill(try fixture.serving(), SIGKILL)
            let client = try UnixListener.connect(to: fixture.folder.path + "/guest")
            let opening = try #require(
                try guest.receiveSegment(milliseconds: 4000), "sooner than libslirp's second try")
            #expect(opening.ports.to == 22)
            withExtendedLifetime(client) {}
        }
    }

    @Test func endsWithTheSocketOfItsSession() async throws {
        try await BlockingThread.run {
            let fixture = try Fixture()
            let serving = try fixture.serving()
            let starter = try #require(fixture.started)
            fixture.network.close()
            for process in [serving, starter] { #expect(kill(process, 0) == -1 && errno == ESRCH) }
        }
    }

    /// libslirp believes what it heard last; the guest's own answer must count when the host connects.
    @Test func asksTheGuestWhereItIsBeforeTheHostConnects() async throws {
        try await BlockingThread.run {
            let fixture = try Fixture()
            let guest = try FakeGuest(socketPath: fixture.folder.path + "/net")
            _ = try guest.resolve(VirtualNetwork.gateway)
            var liar = guest.builder
            liar.hardware = [2, 2, 2, 2, 2, 2]
            try guest.send(liar.arp(for: VirtualNetwork.gateway))
            #expect(try guest.receive()?.starts(with: liar.hardware) == true, "libslirp believes it")
            let client = try UnixListener.connect(to: fixture.folder.path + "/guest")
            // libslirp itself would try again after six seconds.
            let deadline = MonotonicClock.nanoseconds + 5_000_000_000
            var places: [[UInt8]] = []
            while MonotonicClock.nanoseconds < deadline, let frame = try guest.receive(milliseconds: 10_000) {
                guard frame.count >= 54, frame[12] == 8, frame[13] == 0, frame[23] == 6 else { continue }
                places.append(Array(frame[..<6]))
                if places.last == FrameBuilder.guestHardware { break }
            }
            #expect(places.first == liar.hardware, "libslirp was misled")
            #expect(places.last == FrameBuilder.guestHardware)
            withExtendedLifetime(client) {}
        }
    }

    /// As when the guest's cable is pulled for a moment.
    @Test func knocksAgainSoonWhereTheGuestDoesNotAnswer() async throws {
        try await BlockingThread.run {
            let fixture = try Fixture()
            let guest = try FakeGuest(socketPath: fixture.folder.path + "/net")
            _ = try guest.resolve(VirtualNetwork.gateway)
            let client = try UnixListener.connect(to: fixture.folder.path + "/guest")
            let first = try #require(try guest.receiveSegment())
            let second = try #require(try guest.receiveSegment())
            #expect(first.sequence == second.sequence && first.ports == second.ports)
            try guest.send(
                guest.builder.tcp(
                    from: 22, to: first.source, first.ports.from, flags: 0x12, sequence: 7,
                    acknowledgement: first.sequence &+ 1))
            let answer = try guest.receiveSegment()
            #expect(answer?.flags == 0x10)
            #expect(try guest.receiveSegment(milliseconds: 2000) == nil, "nothing is repeated then")
            withExtendedLifetime(client) {}
        }
    }

    /// What the filter says to calls that are not on its list, tried in a process that has loaded it.
    @Test(
        .enabled(
            if: hasTheNumbersOfX86 && BuiltProgram.isInstalled("python3"),
            "SKIPPED: needs python3, and knows the calls' numbers on x86-64 only"))
    func makesNoOtherSystemCalls() async throws {
        let folder = try TemporaryDirectory(in: "/tmp")
        let program = try NetworkConfinement.systemCalls(for: 5_000_000).program()
        try AtomicFile.write(program, to: folder.path + "/filter", mode: 0o600)
        let script = """
            import ctypes, errno, os, socket, sys
            libc = ctypes.CDLL(None, use_errno=True)
            libc.syscall.restype = ctypes.c_long
            code = open(sys.argv[1], 'rb').read()
            buffer = ctypes.create_string_buffer(code)
            class Program(ctypes.Structure):
                _fields_ = [('count', ctypes.c_ushort), ('code', ctypes.c_void_p)]
            program = Program(len(code) // 8, ctypes.addressof(buffer))
            libc.prctl(38, 1, 0, 0, 0)
            if libc.prctl(22, 2, ctypes.byref(program), 0, 0): sys.exit(9)
            def call(*arguments):
                ctypes.set_errno(0)
                return 'done' if libc.syscall(*arguments) >= 0 else errno.errorcode[ctypes.get_errno()]
            def connect(family, kind):
                try: socket.socket(family, kind); return 'done'
                except OSError as error: return errno.errorcode[error.errno]
            path = ctypes.c_char_p(b'/tmp')
            print('openat', call(257, -100, path, 0), call(257, -100, path, 1), call(257, -100, path, 0o100))
            print('mkdir', call(83, ctypes.c_char_p(sys.argv[1].encode() + b'.d'), 0o700))
            print('unlink', call(87, ctypes.c_char_p(sys.argv[1].encode())))
            print('listen', call(50, 0, 1))
            print('kill', call(62, 0, 0))
            # More than the kernel numbers: allowed, and nobody's.
            print('tgkill', call(234, 5000000, 5000000, 0), call(234, os.getpid(), os.getpid(), 0))
            # F_GETFL, F_SETOWN, F_SETSIG, F_SETOWN_EX
            print('fcntl', call(72, 1, 3, 0), call(72, 1, 8, 0), call(72, 1, 10, 9), call(72, 1, 15, path))
            print('mmap', call(9, 0, 4096, 3, 34, -1, 0), call(9, 0, 4096, 5, 34, -1, 0))
            print('ioctl', call(16, 0, 0x5412, path))
            print('inet', connect(socket.AF_INET, socket.SOCK_STREAM))
            print('netlink', connect(socket.AF_NETLINK, socket.SOCK_RAW))
            print('packet', connect(socket.AF_PACKET, socket.SOCK_RAW))
            print('vsock', connect(40, socket.SOCK_STREAM))
            sys.stdout.flush()
            libc.syscall(int(sys.argv[2]), 0, 0, 0, 0, 0)
            print('alive')
            """
        func run(_ number: Int) async throws -> (status: Int32, stdout: String, stderr: String) {
            try await BuiltProgram.runAny("python3", ["-c", script, folder.path + "/filter", "\(number)"])
        }
        // execve, clone, ptrace, keyctl, io_uring_setup.
        for number in [59, 56, 101, 250, 425] {
            #expect(try await run(number).status == 128 + SIGSYS, "call \(number)")
        }
        // getuid is none that it needs, but no harm.
        let result = try await run(102)
        #expect(
            result.stdout == """
                openat done ENOSYS ENOSYS
                mkdir ENOSYS
                unlink ENOSYS
                listen ENOSYS
                kill ENOSYS
                tgkill ESRCH ENOSYS
                fcntl done ENOSYS ENOSYS ENOSYS
                mmap done ENOSYS
                ioctl ENOSYS
                inet done
                netlink ENOSYS
                packet ENOSYS
                vsock ENOSYS
                alive

                """, "\(result)")
    }

    @Test(.enabled(if: Landlock.version > 0, "SKIPPED: this kernel has no Landlock"))
    func opensNoFileButThoseThatLandlockWasToldOf() async throws {
        try await BlockingThread.run {
            let folder = try TemporaryDirectory(in: "/tmp")
            for name in ["a", "b"] { try AtomicFile.write(name, to: "\(folder.path)/\(name)", mode: 0o644) }
            // It counts for this thread only, which ends with the test.
            try Landlock.restrict(toReading: ["\(folder.path)/a", "/nonexistent"])
            #expect(try FileContents.readText("\(folder.path)/a", limit: 10) == "a")
            for path in ["\(folder.path)/b", "/etc/passwd"] {
                let error = #expect(throws: SystemCallError.self) { try FileContents.readText(path, limit: 10) }
                #expect(error?.number == .accessDenied)
            }
            let error = #expect(throws: SystemCallError.self) {
                try FileHandle("\(folder.path)/a", for: .writing)
            }
            #expect(error?.number == .accessDenied)
            guard Landlock.version >= 4 else { return }
            func bindError(port: UInt16) -> Int32? {
                let handle = FileHandle(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
                var address = sockaddr_in()
                address.sin_family = sa_family_t(AF_INET)
                address.sin_port = port.bigEndian
                address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
                let result = withUnsafePointer(to: &address) { pointer in
                    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        bind(handle.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                    }
                }
                return result == 0 ? nil : errno
            }
            #expect(bindError(port: 0) == nil)
            #expect(bindError(port: 45_678) == EACCES)
        }
    }
}
