import Linux
import Seccomp
import Testing

/// Filters as bubblewrap loads them for a program of its own; this process's own calls stay as they are.
@Suite(
    .timeLimit(.minutes(1)),
    .enabled(if: Paths.allows(.executing, "/usr/bin/bwrap"), "SKIPPED: needs bubblewrap"),
    .enabled(if: Paths.allows(.executing, "/usr/bin/python3"), "SKIPPED: needs python3"))
struct SystemCallFilterTests {
    /// Every call but those that a test refuses.
    private func everything() -> SystemCallFilter {
        var filter = SystemCallFilter(otherwise: .refuse(.noSuchCall))
        filter.add(.allow, numbers: 0...460)
        return filter
    }

    private func run(_ script: String, under filter: SystemCallFilter) throws -> (ChildProcess.Ending, String) {
        let output = try Pipe()
        let program = try Pipe.holding(filter.program())
        defer { withExtendedLifetime(program) {} }
        let child = try ChildProcess(
            "/usr/bin/bwrap",
            ["--ro-bind", "/", "/", "--dev", "/dev", "--seccomp", "3", "--", "/usr/bin/python3", "-c", script],
            standardOutput: output.writing.descriptor, standardError: output.writing.descriptor,
            otherDescriptors: [3: program.descriptor])
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 8)
        defer { buffer.deallocate() }
        let ending = child.wait()
        try output.reading.makeNonblocking()
        guard case .bytes(let count) = try output.reading.receive(into: buffer) else { return (ending, "") }
        return (ending, String(decoding: buffer[..<count], as: UTF8.self))
    }

    private let call = """
        import ctypes, errno
        library = ctypes.CDLL(None, use_errno=True)
        library.syscall.restype = ctypes.c_long
        def call(number, *arguments):
            result = library.syscall(number, *[ctypes.c_long(a) for a in arguments])
            return errno.errorcode[ctypes.get_errno()] if result < 0 else "done"

        """

    @Test func whatIsRefusedFailsWithItsErrorAndTheRestWorks() throws {
        var filter = everything()
        filter.add(.refuse(.notPermitted), ["uname", "add_key"])
        let (ending, output) = try run(
            "import os\ntry: os.uname()\nexcept OSError as e: print(e.errno)\nprint(os.getpid() > 0)", under: filter)
        #expect(ending == .exited(0), "\(output)")
        #expect(output == "1\nTrue\n")
    }

    @Test func whatNoRuleNamesGetsTheDefault() throws {
        // Above the numbers that are allowed.
        #expect(try run(call + "print(call(999))", under: everything()) == (.exited(0), "ENOSYS\n"))
    }

    @Test func anArgumentDecidesByItsLower32Bits() throws {
        var filter = everything()
        filter.add(.allow, ["socket"], where: .argument(0, is: 1))
        filter.add(.refuse(.noSuchAddressFamily), ["socket"], where: .argument(0, is: 2))
        filter.add(.refuse(.notPermitted), ["socket"], where: .argument(0, isAtLeast: 3))
        let (_, output) = try run(
            "import socket\nfor f in (1, 2, 16):\n  try: socket.socket(f, socket.SOCK_DGRAM); print('made')\n"
                + "  except OSError as e: print(e.errno)\n", under: filter)
        #expect(output == "made\n97\n1\n")
        #if arch(x86_64)
            // The kernel sees 2 in it.
            #expect(try run(call + "print(call(41, 2 | 1 << 32, 1, 0))", under: filter).1 != "done\n")
        #endif
    }

    @Test func bitsOfAnArgumentDecide() throws {
        var filter = everything()
        filter.add(.refuse(.notPermitted), ["unshare"], where: .argument(0, masked: 0x1000_0000, is: 0x1000_0000))
        filter.add(.allow, ["unshare"], where: .argument(0, masked: 0x1000_0000, is: 0))
        #if arch(x86_64)
            #expect(
                try run(call + "print(call(272, 0x10000000), call(272, 0x10000200), call(272, 0x200))", under: filter).1
                    == "EPERM EPERM done\n")
        #endif
    }

    @Test func aCallMayEndTheProcess() throws {
        var filter = everything()
        filter.add(.endProcess, ["uname"])
        let (ending, output) = try run("import os; print('before', flush=True); os.uname()", under: filter)
        // bubblewrap's way to say signal 31.
        #expect(ending == .exited(159))
        #expect(output == "before\n")
    }

    @Test func anUnknownNameIsAnError() throws {
        var filter = everything()
        filter.add(.refuse(.notPermitted), ["no_such_call"])
        let error = #expect(throws: SystemCallError.self) { try filter.program() }
        #expect(error?.subject == "no_such_call")
    }
}
