import Glibc
import Linux
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct ChildProcessTests {
    private func shell(
        _ script: String, environment: [String]? = ChildProcess.plainEnvironment
    ) throws -> ChildProcess.Finished {
        try ChildProcess.run("/bin/sh", ["-c", script], environment: environment)
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func whatAProgramWritesAndHowItEndsIsCollected() throws {
        let finished = try shell("echo out; echo err >&2; exit 7")
        #expect(finished.ending == .exited(7))
        #expect(text(finished.output) == "out\n")
        #expect(text(finished.errors) == "err\n")
        #expect(finished.text == "err")
        #expect(try shell("kill -9 $$").ending == .killed(signal: SIGKILL))
        #expect(try shell("echo ' two words '; echo").text == "two words")
    }

    @Test func theEndOfMuchOutputIsKept() throws {
        let finished = try ChildProcess.run("/bin/sh", ["-c", "seq 1 100000"], keeping: 1000)
        #expect(finished.output.count == 1000)
        #expect(text(finished.output).hasSuffix("\n99999\n100000\n"))
        #expect(finished.ending == .exited(0))
    }

    @Test func aProcessThatIsLeftBehindIsNotWaitedFor() throws {
        let begun = ContinuousClock.now
        let finished = try shell("sleep 30 & echo $!")
        #expect(ContinuousClock.now - begun < .seconds(20))
        let left = try #require(pid_t(finished.text))
        #expect(Signal.kill.send(to: left))
    }

    @Test func aProgramWhoseTimeIsOverIsKilledWithWhatItStarted() throws {
        let finished = try ChildProcess.run(
            "/bin/sh", ["-c", "sleep 60 & echo $!; wait"], within: .milliseconds(300))
        #expect(finished.ranOutOfTime)
        #expect(finished.ending == .killed(signal: SIGKILL))
        let child = try #require(pid_t(finished.text))
        #expect(eventuallyBlocking { !CurrentProcess.isRunning(child) || isZombie(child) })
        #expect(try !ChildProcess.run("/bin/sh", ["-c", "exit 3"], within: .seconds(30)).ranOutOfTime)
    }

    /// A killed orphan stays until whoever adopted it looks.
    private func isZombie(_ process: pid_t) -> Bool {
        // It may be gone by now.
        ((try? FileContents.readText("/proc/\(process)/stat", limit: 4096)) ?? ") Z").contains(") Z")
    }

    @Test func aProgramThatDoesNotEndFailsItsTestWithWhatItPrinted() async {
        let error = await #expect(throws: BuiltProgram.Overdue.self) {
            try await BuiltProgram.runAny("sh", ["-c", "echo so far; sleep 60"], within: .milliseconds(300))
        }
        #expect(error?.description.contains("so far\n") == true)
    }

    @Test func aProgramThatClosesItsOutputIsWaitedFor() throws {
        #expect(try shell("exec >&- 2>&-; sleep 0.2; exit 3").ending == .exited(3))
    }

    @Test func aProgramThatIsNotThereIsAnError() {
        let error = #expect(throws: SystemCallError.self) { try ChildProcess.run("/nonexistent", []) }
        #expect(error?.number == .noSuchFile)
        #expect(error?.call == "posix_spawn")
    }

    @Test func theEnvironmentIsTheOneThatIsGiven() throws {
        #expect(try shell("echo $A-$HOME", environment: ["PATH=/usr/bin:/bin", "A=b"]).text == "b-")
        #expect(try shell("echo $PATH").text == "/usr/bin:/bin:/usr/sbin:/sbin")
        setenv("OSCIRCULAR_CHILD_TEST", "inherited", 1)
        #expect(try shell("echo $OSCIRCULAR_CHILD_TEST", environment: nil).text == "inherited")
        #expect(CurrentProcess.environment.contains("OSCIRCULAR_CHILD_TEST=inherited"))
    }

    @Test func descriptorsAreWhereTheyAreWantedAndNoOthersAreOpen() throws {
        let (input, output, third, fifth) = (try Pipe(), try Pipe(), try Pipe(), try Pipe())
        try "typed".withBytes { (bytes) throws(SystemCallError) in try input.writing.write(bytes) }
        // One without close-on-exec, as libraries leave them.
        let leaked = dup(0)
        defer { close(leaked) }
        let child = try ChildProcess(
            "/bin/sh", ["-c", "head -c 5; ls /proc/self/fd | tr '\\n' ' ' >&5; echo three >&3"],
            standardInput: input.reading.descriptor, standardOutput: output.writing.descriptor,
            otherDescriptors: [5: fifth.writing.descriptor, 3: third.writing.descriptor])
        #expect(child.wait() == .exited(0))
        func read(_ pipe: Pipe) throws -> String {
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 100, alignment: 1)
            defer { buffer.deallocate() }
            guard case .bytes(let count) = try pipe.reading.receive(into: buffer) else { return "" }
            return String(decoding: buffer[..<count], as: UTF8.self)
        }
        #expect(try read(output) == "typed")
        #expect(try read(third) == "three\n")
        // `ls` has one more, for the folder that it lists.
        #expect(try read(fifth).split(separator: " ").filter { $0 != "4" } == ["0", "1", "2", "3", "5"])
    }

    @Test func theOldWayPutsDescriptorsInOrder() throws {
        let pipe = try Pipe()
        let child = try ChildProcess(
            "/bin/sh", ["-c", "echo three >&3"],
            otherDescriptors: [3: pipe.writing.descriptor])
        #expect(child.wait() == .exited(0))
        var sources = [PollSource(pipe.reading.descriptor)]
        #expect(try PollSource.wait(for: &sources, milliseconds: 0))
    }

    @Test func theWorkingFolderIsTheOneThatIsGiven() throws {
        let folder = try TemporaryDirectory()
        let child = try ChildProcess("/bin/sh", ["-c", "echo here > file"], workingFolder: folder.path)
        #expect(child.wait() == .exited(0))
        #expect(try FileContents.readText(folder.path("file"), limit: 100) == "here\n")
    }

    @Test func aSessionIsInheritedOrItsOwn() throws {
        let folder = try TemporaryDirectory()
        func session(_ session: ChildProcess.Session) throws -> (own: pid_t, its: pid_t) {
            // Field 6 of a process's line in /proc.
            let script = "cut -d ' ' -f 6 /proc/$$/stat > \(folder.path("session"))"
            let child = try ChildProcess("/bin/sh", ["-c", script], session: session)
            #expect(child.wait() == .exited(0))
            let text = try FileContents.readText(folder.path("session"), limit: 100)
            return (child.pid, try #require(pid_t(text.dropLast())))
        }
        #expect(try session(.inherited).its == getsid(0))
        let own = try session(.own)
        #expect(own.own == own.its)
    }

    @Test func aTerminalIsTheSessionsOwn() throws {
        let main = try FileHandle(path: "/dev/ptmx", flags: O_RDWR | O_NOCTTY)
        // TIOCSPTLCK and TIOCGPTN, which the Glibc module does not know.
        var (locked, number): (Int32, Int32) = (0, -1)
        try systemCall("ioctl") { ioctl(main.descriptor, 0x4004_5431, &locked) }
        try systemCall("ioctl") { ioctl(main.descriptor, 0x8004_5430, &number) }
        let path = "/dev/pts/\(number)"
        // The parent keeps it open, or what was written would be gone with the child.
        let terminal = try FileHandle(path: path, flags: O_RDWR | O_NOCTTY)
        #expect(TerminalDevice.isTerminal(terminal.descriptor))
        let child = try ChildProcess("/bin/sh", ["-c", "tty; echo via > /dev/tty"], session: .onTerminal(path))
        #expect(child.wait() == .exited(0))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1000, alignment: 1)
        defer { buffer.deallocate() }
        try main.makeNonblocking()
        // Each line comes by itself, and a little later.
        let expected = "\(path)\r\nvia\r\n"
        var text = ""
        _ = try eventuallyBlocking {
            while case .bytes(let count) = try main.receive(into: buffer) {
                text += String(decoding: buffer[..<count], as: UTF8.self)
            }
            return text.utf8.count >= expected.utf8.count
        }
        #expect(text == expected)
    }
}

@Suite(.timeLimit(.minutes(1))) struct CurrentThreadTests {
    /// As a login's: Kerberos and fscrypt keep their keys there.
    @Test(.enabled(if: Paths.allows(.executing, "/usr/bin/python3"), "SKIPPED: needs python3"))
    func aNewKeyringIsEmptyForWhatTheThreadStarts() async throws {
        let preface = """
            import ctypes, os
            library = ctypes.CDLL(None)
            add, keyctl = {"x86_64": (248, 250), "aarch64": (217, 219)}[os.uname().machine]

            """
        let add = preface + "print(library.syscall(add, b'user', b'oscircular-test', b'secret', 6, -3) > 0)"
        let search = preface + "print(library.syscall(keyctl, 10, -3, b'user', b'oscircular-test', 0) > 0)"
        let found = try await WorkerThread.run(name: "keyring") {
            #expect(try CurrentThread.joinNewKeyring())
            // What a child adds is in the keyring that it shares with this thread.
            let before = try [add, search].map { try ChildProcess.run("/usr/bin/python3", ["-c", $0]).text }
            #expect(try CurrentThread.joinNewKeyring())
            return try before + [ChildProcess.run("/usr/bin/python3", ["-c", search]).text]
        }
        // A kernel without keyrings has nothing to find.
        #expect(found == ["True", "True", "False"] || found == ["False", "False", "False"])
    }

    @Test func whoMayUseNoKeyringsNeedsNone() throws {
        for number in [ENOSYS, EPERM] {
            let isOwn = try CurrentThread.joinNewKeyring {
                errno = number
                return -1
            }
            #expect(isOwn)
        }
        #expect(throws: SystemCallError(code: ENOMEM, call: "keyctl")) {
            try CurrentThread.joinNewKeyring {
                errno = ENOMEM
                return -1
            }
        }
    }

    @Test func whoHasTooManyKeysIsToldSo() throws {
        let isOwn = try CurrentThread.joinNewKeyring {
            errno = EDQUOT
            return -1
        }
        #expect(!isOwn)
    }
}

@Suite(.timeLimit(.minutes(1))) struct HeldProgramTests {
    private struct Refused: Error {}

    @Test func aHeldProgramDoesNothingBeforeItMay() throws {
        let folder = try TemporaryDirectory()
        let output = try Pipe()
        let child = try ChildProcess.held(
            "/bin/sh", ["-c", "echo started > \(folder.path)/file; env; cat <&5"], environment: ["A=b"],
            standardOutput: output.writing.descriptor,
            otherDescriptors: [5: FileHandle("/dev/null", for: .reading).descriptor]
        ) { process in
            #expect(process > 1)
            MonotonicClock.pause(milliseconds: 100)
            #expect(folder.names == [])
        }
        #expect(child.wait() == .exited(0))
        #expect(folder.names == ["file"])
        // Nothing of the shell that waited is left: PWD is the inner shell's own.
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 1)
        defer { buffer.deallocate() }
        guard case .bytes(let count) = try output.reading.receive(into: buffer) else { return }
        let lines = String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n")
        #expect(
            Set(lines.map { $0.prefix { $0 != "=" } }).isSubset(of: ["A", "PWD", "SHLVL", "_", "OLDPWD"]), "\(lines)")
    }

    @Test func aProgramThatMayNotStartNeverDoes() throws {
        let folder = try TemporaryDirectory()
        var number: ProcessID = 0
        #expect(throws: Refused.self) {
            _ = try ChildProcess.held("/bin/sh", ["-c", "echo > \(folder.path)/file"]) {
                number = $0
                throw Refused()
            }
        }
        #expect(folder.names == [])
        // It is reaped, too.
        #expect(!Signal(rawValue: 0).send(to: number))
    }

    @Test func limitsAreLoweredFromOutsideAndNeverRaised() throws {
        let output = try Pipe()
        let child = try ChildProcess.held(
            "/bin/sh", ["-c", "ulimit -c; ulimit -n"], standardOutput: output.writing.descriptor
        ) {
            try ResourceLimit.core.lower(to: 0, of: $0)
            try ResourceLimit.openFiles.lower(to: 99, of: $0)
            try ResourceLimit.openFiles.lower(to: 100, of: $0)
        }
        child.wait()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 1)
        defer { buffer.deallocate() }
        guard case .bytes(let count) = try output.reading.receive(into: buffer) else { return }
        #expect(String(decoding: buffer[..<count], as: UTF8.self) == "0\n99\n")
    }
}
