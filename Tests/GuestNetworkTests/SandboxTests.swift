import Glibc
import Linux
import Seccomp
import TestSupport
import Testing

@testable import GuestNetwork

/// What a login of the guest is refused, tried from inside with the real sshd.
@Suite(
    .serialized, .timeLimit(.minutes(3)),
    .enabled(
        if: HostProgram.allCases.allSatisfy { (try? $0.path()) != nil } && Paths.allows(.executing, "/usr/bin/python3"),
        "SKIPPED: needs openssh-server, openssh-client, bubblewrap, util-linux and python3"))
struct SandboxTests {
    /// Runs a script of Python's in the sandbox, with `call(name, arguments…)`: "done" or the error's name.
    private func python(
        _ script: String, in fixture: SSHFixture, at location: SourceLocation = #_sourceLocation
    ) throws -> String {
        let machine = try ChildProcess.run("/bin/uname", ["-m"]).text
        let numbers = machine == "aarch64" ? Self.numbersOfARM : Self.numbersOfAMD
        let preface = """
            import ctypes, errno, os, socket, sys
            library = ctypes.CDLL(None, use_errno=True)
            library.syscall.restype = ctypes.c_long
            numbers = dict(\(numbers))
            def call(name, *arguments):
                number = numbers.get(name, name)
                if number is None: return "EPERM"
                result = library.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
                return "done" if result >= 0 else errno.errorcode[ctypes.get_errno()]

            """
        try AtomicFile.write(preface + script, to: fixture.exchange + "/attack.py", mode: 0o644)
        return try fixture.ssh("root", "/usr/bin/python3 /exchange/attack.py 2>&1", at: location)
    }

    private static let numbersOfAMD = """
        add_key=248, request_key=249, keyctl=250, unshare=272, setns=308, clone=56, clone3=435, mount=165, umount2=166,
        pivot_root=155, chroot=161, open_tree=428, fsopen=430, move_mount=429, ptrace=101, process_vm_readv=310,
        pidfd_getfd=438, perf_event_open=298, bpf=321, userfaultfd=323, memfd_secret=447, io_uring_setup=425,
        openat2=437, kcmp=312, mbind=237, syslog=103, open_by_handle_at=304, fanotify_init=300, init_module=175,
        kexec_load=246, acct=163, quotactl=179
        """
    private static let numbersOfARM = """
        add_key=217, request_key=218, keyctl=219, unshare=97, setns=268, clone=220, clone3=435, mount=40, umount2=39,
        pivot_root=41, chroot=51, open_tree=428, fsopen=430, move_mount=429, ptrace=117, process_vm_readv=270,
        pidfd_getfd=438, perf_event_open=241, bpf=280, userfaultfd=282, memfd_secret=447, io_uring_setup=425,
        openat2=437, kcmp=272, mbind=235, syslog=116, open_by_handle_at=265, fanotify_init=262, init_module=105,
        kexec_load=104, acct=89, quotactl=60
        """

    @Test func refusesWhatALoginNeedsNot() async throws {
        try await BlockingThread.run {
            let fixture = try SSHFixture()
            let output = try python(
                """
                for name in sorted(numbers):
                    if name not in ("clone", "clone3", "openat2", "io_uring_setup"):
                        print(name, call(name, 0, 0, 0, 0, 0))
                for name in ("clone3", "openat2", "io_uring_setup", 457, 458, 1023):
                    print(name, call(name, 0, 0, 0, 0, 0))
                print("end")
                """, in: fixture)
            let lines = output.split(separator: "\n").map { $0.split(separator: " ") }
            #expect(lines.count > 30 && lines.last == ["end"], "\(output)")
            for line in lines.dropLast() {
                let isNew = ["clone3", "openat2", "io_uring_setup"].contains(line[0]) || Int(line[0]) != nil
                #expect(line[1] == (isNew ? "ENOSYS" : "EPERM"), "\(line)")
            }
        }
    }

    @Test func makesNoNamespaces() async throws {
        try await BlockingThread.run {
            let fixture = try SSHFixture()
            let output = try python(
                """
                for bit in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
                    print(hex(bit), call("clone", bit | 17, 0, 0, 0, 0), call("clone", bit | 17 | 1 << 40, 0, 0, 0, 0))
                os.waitpid(os.fork() or os._exit(0), 0)
                print("forks")
                """, in: fixture)
            let lines = output.split(separator: "\n")
            #expect(lines.count == 8 && lines.last == "forks", "\(output)")
            for line in lines.dropLast() { #expect(line.hasSuffix(" EPERM EPERM"), "\(line)") }
            // As an attacker would, with programs of the host.
            #expect(
                try fixture.ssh("root", "unshare -Urnm true 2>/dev/null || echo refused") == "refused\n")
        }
    }

    /// By the filter of logins whose memory is counted together, and by that of the others, which count no sockets' buffers.
    @Test(arguments: [true, false]) func hasSocketsOfTheInternetAndOfThisMachineOnly(isCounted: Bool) async throws {
        try await BlockingThread.run {
            let folder = try TemporaryDirectory()
            let filter = SystemCallFilter.sandbox(sharesMemory: isCounted, makesFiles: true)
            try AtomicFile.write(try filter.program(), to: folder.path("filter"))
            let script = """
                import errno, socket
                def tried(body):
                    try: body(); return "made"
                    except OSError as e: return errno.errorcode[e.errno]
                def made(*a): return tried(lambda: socket.socket(*a).close())
                print(made(1, 1), made(1, 2), made(16, 3, 0))
                print(*[made(f, t) for f in (2, 10) for t in (1, 2)])
                print("refused", *sorted({made(f, t, 0) for f in range(3, 60) if f not in (10, 16) for t in (1, 2, 3, 5)}))
                print("netlink", *sorted({made(16, 3, p) for p in range(1, 32)}))
                print("protocols", made(2, 1, 132), made(2, 1, 262), made(10, 2, 136), made(2, 5, 0), made(2, 6 | 0x80000, 33))
                one, other = socket.socketpair()
                print("buffers", *[tried(lambda: one.setsockopt(socket.SOL_SOCKET, o, 1 << 20)) for o in (7, 8)],
                    tried(lambda: one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)))
                """
            let (ending, output) = try HostProgram.run(
                "/bin/sh",
                [
                    "-c", "exec bwrap --ro-bind / / --dev /dev --seccomp 3 -- /usr/bin/python3 -c \"$1\" 3< \"$2\"",
                    "sh",
                    script, folder.path("filter"),
                ])
            #expect(ending == .exited(0))
            #expect(
                output == """
                    made made made
                    \(Array(repeating: isCounted ? "made" : "EAFNOSUPPORT", count: 4).joined(separator: " "))
                    refused EAFNOSUPPORT
                    netlink EAFNOSUPPORT
                    protocols EAFNOSUPPORT EAFNOSUPPORT EAFNOSUPPORT EAFNOSUPPORT EAFNOSUPPORT
                    buffers \(isCounted ? "made made" : "EPERM EPERM") made

                    """)
        }
    }

    @Test func typesIntoNoTerminalAndMakesNothingSetUserID() async throws {
        try await BlockingThread.run {
            let fixture = try SSHFixture()
            let typed = try fixture.ssh(
                "root",
                "python3 -c \"import fcntl, termios; fcntl.ioctl(0, termios.TIOCSTI, b'x')\" 2>&1 | tail -1; stty size",
                options: ["-tt"])
            #expect(typed.contains("Operation not permitted") && !typed.contains("stty"), "\(typed)")
            let output = try python(
                """
                os.chdir("/exchange")
                open("file", "w").close(); os.mkdir("folder")
                def tried(body):
                    try: body(); return "done"
                    except OSError as e: return errno.errorcode[e.errno]
                for bit in (0o4000, 0o2000):
                    descriptor = os.open("file", os.O_RDONLY)
                    print(*[tried(b) for b in (
                        lambda: os.chmod("file", 0o755 | bit), lambda: os.fchmod(descriptor, 0o755 | bit),
                        lambda: os.chmod("folder", 0o755 | bit), lambda: os.mkdir("new", 0o755 | bit),
                        lambda: os.mknod("new", 0o755 | bit), lambda: os.open("new", os.O_CREAT | os.O_WRONLY, 0o755 | bit),
                        lambda: os.open(".", os.O_TMPFILE | os.O_RDWR, 0o755 | bit))])
                    os.close(descriptor)
                os.chmod("file", 0o755); os.chmod("folder", 0o1777)
                os.close(os.open("plain", os.O_CREAT | os.O_WRONLY, 0o644)); os.open("file", os.O_RDONLY, 0o4000)
                print("end")
                """, in: fixture)
            #expect(output == String(repeating: "EPERM EPERM EPERM EPERM EPERM EPERM EPERM\n", count: 2) + "end\n")
        }
    }

    /// What a login could do with keys is refused, so this looks from outside.
    @Test(.enabled(if: Paths.allows(.reading, "/proc/keys"), "SKIPPED: the kernel has no keyrings"))
    func hasAKeyringOfItsOwn() async throws {
        try await BlockingThread.run {
            func keyrings() throws -> Set<String> {
                let lines = try FileContents.readText("/proc/keys", limit: 1 << 20).split(separator: "\n")
                return Set(
                    lines.filter { $0.contains(" keyring ") && $0.contains("_ses") }.map { String($0.prefix(8)) })
            }
            let before = try keyrings()
            let fixture = try SSHFixture()
            #expect(try fixture.ssh("root", "echo works") == "works\n")
            #expect(try keyrings().subtracting(before).count >= 1)
        }
    }

    @Test func tellsNoPathsOfTheHostButThatOfTheExchange() async throws {
        try await BlockingThread.run {
            let fixture = try SSHFixture()
            let output = try python(
                """
                import glob
                path = "\(fixture.folder.path)"
                names = glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/environ") + glob.glob("/etc/*")
                for name in names + glob.glob("/etc/oscircular/*"):
                    try: text = open(name, "rb").read()
                    except OSError: continue
                    if path.encode() in text: print(name, "tells", text)
                print("searched", len(names) > 10)
                """, in: fixture)
            #expect(output == "searched True\n")
            #expect(try fixture.ssh("root", "uname -n") == "host\n")
            let mounts = try fixture.ssh("root", "cut -d ' ' -f 4,5 /proc/self/mountinfo")
            let told = mounts.split(separator: "\n").filter { $0.contains(fixture.folder.path) }
            #expect(told.allSatisfy { $0.hasSuffix(" /exchange") || $0.hasSuffix(" /etc/oscircular/agent") }, "\(told)")
            for name in ["cmdline", "config.gz", "keys", "key-users", "kallsyms", "partitions", "swaps"] {
                let answer = try fixture.ssh("root", "cat /proc/\(name) 2>/dev/null | head -c 10")
                #expect(answer == "", "/proc/\(name)")
            }
        }
    }

    @Test func cannotReadTheHostKeyNorAskForItsSignature() async throws {
        try await BlockingThread.run {
            let fixture = try SSHFixture()
            #expect(
                try fixture.ssh("root", "ls /etc/oscircular") == "agent\nauthorized_keys\nhost_key.pub\nsshd_config\n")
            let output = try python(
                """
                s = socket.socket(socket.AF_UNIX)
                try: s.connect("/etc/oscircular/agent"); print("connected")
                except OSError as e: print(errno.errorcode[e.errno])
                """, in: fixture)
            #expect(output == "ECONNREFUSED\n")
        }
    }

    @Test func anEmptyHomeIsApartFromTheExchangeFolder() async throws {
        try await BlockingThread.run {
            let fixture = try SSHFixture()
            let leave =
                "for f in .bashrc .profile .bash_profile .ssh/rc .ssh/environment; do mkdir -p .ssh; echo echo PWNED > $f; done"
            #expect(try fixture.ssh("root", leave) == "")
            #expect(
                try fixture.ssh("root", "echo hello; pwd; echo $HOME; ls -A ~; touch ~/x 2>&1 | grep -o Read-only")
                    == """
                    hello
                    /exchange
                    /var/empty
                    Read-only

                    """)
            #expect(try fixture.ssh("root", "bash -lic 'echo interactive' 2>/dev/null") == "interactive\n")
        }
    }

    @Test func theLogIsACopyWithoutControlCharacters() async throws {
        try await BlockingThread.run {
            let fixture = try SSHFixture()
            #expect(
                eventuallyBlocking {
                    (try? fixture.ssh("root", "true")) != nil && fixture.log.contains("Accepted publickey for root")
                })
            // No descriptor of the sandbox's is a file of the host's.
            let files = try python(
                """
                for p in sorted(p for p in os.listdir("/proc") if p.isdigit()):
                    try: print(*[os.readlink(f"/proc/{p}/fd/{d}") for d in os.listdir(f"/proc/{p}/fd")])
                    except OSError: pass
                """, in: fixture)
            #expect(!files.contains(fixture.folder.path) && !files.contains("/log"), "\(files)")
            // Whoever is logged in may write to the pipe, but not more than a bounded log takes, and nothing that a terminal obeys.
            let written = try python(
                """
                import time, fcntl
                for p in sorted(p for p in os.listdir("/proc") if p.isdigit()):
                    try:
                        if "sshd" not in open(f"/proc/{p}/cmdline").read(): continue
                        d = os.open(f"/proc/{p}/fd/2", os.O_WRONLY | os.O_NONBLOCK)
                    except OSError: continue
                    end, total = time.time() + 3, 0
                    while time.time() < end:
                        try: total += os.write(d, b"\\x1b]0;title\\x07\\xc2\\x9b" + b"x" * 4000)
                        except BlockingIOError: time.sleep(0.01)
                    print("wrote", total); break
                """, in: fixture)
            if let total = Int(written.dropFirst(6).dropLast()) {
                #expect(total < 65_536 + 5 * SSHLog.rate, "\(total)")
            }
            #expect(fixture.log.utf8.allSatisfy { (0x20...0x7E).contains($0) || $0 == 0x0A })
            #expect(fixture.log.utf8.count <= SSHLog.limit + 32_768)
        }
    }

    @Test func aFullExchangeFolderEndsTheLoginsAndCanBeEmptied() async throws {
        try await BlockingThread.run {
            let fixture = try SSHFixture(exchangeLimit: 8 << 20)
            // One file is stopped at once.
            let one = try fixture.ssh("root", "exec 2>/dev/null; head -c 20000000 /dev/zero > one; stat -c %s one")
            #expect(one == "\(8 << 20)\n")
            // Many are seen soon.
            _ = try fixture.ssh(
                "root", "for i in $(seq 1000); do head -c 1000000 /dev/zero > f$i || exit 7; sleep 0.05; done",
                expecting: 255)
            #expect(fixture.log.contains("holds more than its limit of \(8 << 20) bytes"), "\(fixture.log)")
            #expect(
                try fixture.ssh("root", "(echo x > new) 2>&1 | grep -c quota; ls one; rm -f one f*; echo removed")
                    == "1\none\nremoved\n")
            #expect(eventuallyBlocking { fixture.log.contains("has room again") })
            #expect(try fixture.ssh("root", "echo x > new && cat new") == "x\n")
        }
    }

    @Test func whoHasStoredTooMuchMakesNothingThatHasANameOrTakesRoom() async throws {
        try await BlockingThread.run {
            let fixture = try SSHFixture(exchangeLimit: 8 << 20)
            try AtomicFile.write([UInt8](repeating: 7, count: 9 << 20), to: fixture.exchange + "/big", mode: 0o666)
            try Paths.setPermissions(fixture.exchange + "/big", 0o666)
            _ = try fixture.ssh("root", "sleep 60", expecting: 255)
            let output = try python(
                """
                import mmap
                os.chdir("/exchange")
                def tried(body):
                    try: body(); return "done"
                    except OSError as e: return errno.errorcode[e.errno]
                make = os.O_CREAT | os.O_WRONLY
                print(*[tried(b) for b in (
                    lambda: os.mkdir("new"), lambda: os.mkdir("new", 0o4755), lambda: os.symlink("big", "new"),
                    lambda: os.link("big", "new"), lambda: os.mkfifo("new"), lambda: os.open("new", make),
                    lambda: os.open("new", make, 0o4755), lambda: os.open(".", os.O_TMPFILE | os.O_RDWR),
                    lambda: socket.socket(socket.AF_UNIX).bind("new"), lambda: os.setxattr("big", "user.x", b"x"),
                    lambda: os.posix_fallocate(os.open("big", os.O_RDWR), 0, 10 << 20))])
                file = os.open("big", os.O_RDWR)
                print(tried(lambda: mmap.mmap(file, 4096)), tried(lambda: os.write(file, b"x")), sorted(os.listdir(".")))
                os.remove("big")
                """, in: fixture)
            let refused = Array(repeating: "EDQUOT", count: 11).joined(separator: " ")
            #expect(output == "\(refused)\nEPERM EFBIG ['attack.py', 'big']\n")
            #expect(fixture.names == ["attack.py"])
        }
    }

    /// Where only each process is bounded, as here: ``SSHFixture`` has no others.
    @Test func hasNoMemoryThatItsLimitsDoNotCount() async throws {
        try await BlockingThread.run {
            let fixture = try SSHFixture()
            let output = try python(
                """
                import mmap
                def tried(body):
                    try: body(); return "done"
                    except OSError as e: return errno.errorcode[e.errno]
                zero = os.open("/dev/zero", os.O_RDWR)
                print(tried(lambda: os.memfd_create("x")), tried(lambda: mmap.mmap(-1, 4096)),
                    tried(lambda: mmap.mmap(zero, 4096)), tried(lambda: mmap.mmap(-1, 4096, flags=0x122)),
                    tried(lambda: mmap.mmap(-1, 4096, flags=0x22)), call(29 if numbers["clone"] == 56 else 194, 0, 4096, 0o1600))
                for path in ("/tmp", "/dev/shm"):
                    s = os.statvfs(path); print(s.f_blocks * s.f_frsize)
                """, in: fixture)
            #expect(output == "EPERM EPERM EPERM EPERM done EPERM\n16777216\n16777216\n")
        }
    }

    @Test func twentyLoginsAtOnceAreServed() async throws {
        try await BlockingThread.run {
            let fixture = try SSHFixture()
            let results = TestResults()
            for _ in 0..<20 { results.start { try fixture.ssh("root", "echo in") } }
            #expect(results.wait() == Array(repeating: "in\n", count: 20))
        }
    }

    @Test func loginsBeginAtABoundedRateAndWait() async throws {
        try await BlockingThread.run {
            let fixture = try SSHFixture()
            let start = MonotonicClock.nanoseconds
            var open = try (0..<28).map { _ in try UnixListener.connect(to: fixture.socket) }
            var counts: [Int] = []
            let all = try eventuallyBlocking(within: 30) {
                var sources = open.map { PollSource($0.descriptor) }
                try PollSource.wait(for: &sources, milliseconds: 0)
                // Whose sshd has said its version makes room for another one.
                open = zip(open, sources).filter { !$1.hasNews }.map(\.0)
                let seconds = Int((MonotonicClock.nanoseconds - start) / 1_000_000_000)
                let served = 28 - open.count
                if served > 20 + 4 * (seconds + 1) { counts.append(served) }
                return open.isEmpty
            }
            #expect(all)
            #expect(counts == [], "more than a burst of 20 and 4 a second")
        }
    }

    @Test func aPaceIsABurstAndThenARate() {
        var pace = Pace.logins
        let start: UInt64 = 1_000_000_000_000
        for _ in 0..<pace.burst {
            #expect(pace.allows(start))
            pace.take(start)
        }
        #expect(!pace.allows(start))
        #expect(pace.next(start) == start + 1_000_000_000 / pace.rate)
        #expect(pace.allows(start + 1_000_000_000 / pace.rate))
        #expect(pace.next(start + 60_000_000_000) == start + 60_000_000_000)
    }

    @Test(.enabled(if: CurrentUser.isRoot, "SKIPPED: needs root"))
    func whatOneOfRootsSessionsUsesUpAnotherStillHas() async throws {
        try await BlockingThread.run {
            let (first, second) = (try SSHFixture(), try SSHFixture())
            #expect(first.gateway.user.uid != second.gateway.user.uid)
            // All the processes that one guest may have do nothing to the other.
            let script = """
                import os, time
                try:
                    while True:
                        if os.fork() == 0:
                            os.closerange(0, 3)
                            time.sleep(30)
                            os._exit(0)
                except OSError:
                    os.mkdir("/exchange/full")
                time.sleep(6)
                """
            let results = TestResults()
            results.start { try first.ssh("root", "exec python3 -c '\(script)'") }
            #expect(eventuallyBlocking(within: 20) { first.names == ["full"] })
            #expect(try second.ssh("root", "sh -c 'echo during'; ls / | grep -c usr") == "during\n1\n")
            _ = results.wait()
        }
    }
}
