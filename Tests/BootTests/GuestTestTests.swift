import Linux
import TestSupport
import Testing

@testable import Boot

/// The test of a bisect: what may be one, how it gets into a guest, and how its end is told. The scripts run in this machine's own shell.
@Suite struct GuestTestTests {
    private static func write(_ text: String, _ folder: TemporaryDirectory, mode: FilePermissions = 0o755) throws
        -> String
    {
        let path = folder.path("test")
        try AtomicFile.write(text, to: path)
        try Paths.setPermissions(path, mode)
        return path
    }

    private static func reason(_ path: String) -> String {
        do { _ = try GuestTest(path: path) } catch {
            if case .test(_, let reason) = error { return reason }
            return "\(error)"
        }
        return "it was taken"
    }

    @Test func whatIsNoProgramIsRefusedWithTheReason() throws {
        let folder = try TemporaryDirectory()
        #expect(Self.reason(folder.path("nothing")) == "there is no such file")
        #expect(Self.reason(folder.path) == "it is not a file")
        #expect(Self.reason("/dev/zero") == "it is not a file")
        #expect(Self.reason(try Self.write("", folder)) == "it is empty")
        #expect(Self.reason(try Self.write("true", folder, mode: 0o644)).contains("chmod +x"))
        let file = try FileHandle(try Self.write("x", folder), for: .writing)
        try file.truncate(to: GuestTest.longest + 1)
        #expect(Self.reason(folder.path("test")).contains("is the most"))
        try file.truncate(to: GuestTest.longest)
        #expect(Self.reason(folder.path("test")) == "it was taken")
    }

    /// Copies and runs a test as in a guest.
    private static func run(
        _ text: String, home: String? = nil
    ) throws -> (folder: String?, code: Int32?, lines: [String], log: String) {
        let folder = try TemporaryDirectory()
        let path = try write(text, folder)
        let test = try GuestTest(path: path)
        let environment =
            CurrentProcess.environment.filter { !$0.hasPrefix("TMPDIR=") } + ["TMPDIR=\(home ?? folder.path)"]
        let token = GuestTest.token()
        let input = try FileHandle(path, for: .reading)
        let copied = try ChildProcess.run(
            "sh", ["-c", GuestTest.copying(token)], environment: environment, standardInput: input.descriptor)
        guard let place = test.folder(in: String(decoding: copied.output, as: UTF8.self), token) else {
            return (nil, nil, [copied.text], "")
        }
        let script = GuestTest.running(in: place, token, environment: [("OSCIRCULAR_VERSION", "2026-11-16")])
        let ran = try ChildProcess.run("sh", ["-c", script], environment: environment, keeping: 1 << 20)
        var lines: [String] = []
        let log = try FileHandle(folder.path("log"), for: .writing, .createNew)
        var output = TestOutput(log: log, token: token) { lines.append($0) }
        // However it is cut into pieces.
        for byte in ran.output { _ = output.take([byte]) }
        output.finish()
        return (place, output.code, lines, try FileContents.readText(folder.path("log"), limit: 1 << 22))
    }

    @Test(arguments: [0, 1, 7, 124, 125, 126, 127, 130, 255] as [Int32]) func theCodeComesBack(code: Int32) throws {
        let ran = try Self.run("#!/bin/sh\necho \"$OSCIRCULAR_VERSION\"; echo wrong >&2; exit \(code)\n")
        #expect(ran.code == code)
        #expect(ran.lines.filter { !$0.isEmpty } == ["2026-11-16", "wrong"])
        #expect(ran.folder?.hasSuffix("/oscircular-bisect") == true)
    }

    @Test func aSignalIsACodeAsInAShell() throws {
        #expect(try Self.run("#!/bin/sh\nkill -9 $$\n").code == 137)
    }

    @Test func aTestWithoutAFirstLineIsOfTheShell() throws { #expect(try Self.run("exit 3\n").code == 3) }

    @Test func whatATestWritesCannotPretendToBeItsEndNorControlATerminal() throws {
        let ran = try Self.run(
            "#!/bin/sh\nprintf 'oscircular-0 0\\n'; printf '\\033]0;title\\007\\033[31mred\\033[0m\\033[2J no newline'; exit 9\n"
        )
        #expect(ran.code == 9)
        #expect(ran.lines.filter { !$0.isEmpty } == ["oscircular-0 0", "red no newline"], "\(ran.lines)")
        #expect(!ran.log.contains("\u{1b}"))
    }

    @Test func muchOutputIsBounded() throws {
        let ran = try Self.run("#!/bin/sh\ni=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i + 1)); done; exit 4\n")
        #expect(ran.code == 4)
        #expect(ran.lines.count == TestOutput.mostLines + 1 && ran.lines.last == "(the rest is in the log)")
        #expect(ran.log.contains("line 2999"))
        var lines: [String] = []
        var output = TestOutput(log: nil, token: "t") { lines.append($0) }
        _ = output.take([UInt8](repeating: UInt8(ascii: "x"), count: 100_000) + Array("\n".utf8))
        #expect(lines.map(\.utf8.count) == [TestOutput.longestLine])
    }

    @Test func anotherFolderIsTakenWhereTheFirstCannotBeWritten() throws {
        let ran = try Self.run("#!/bin/sh\nexit 6\n", home: "/proc/nowhere")
        #expect(ran.code == 6 && ran.folder?.hasPrefix("/proc") == false)
        if let folder = ran.folder { try Folder.removeTree(folder) }
    }

    @Test func aCopyThatIsNotWholeIsNone() throws {
        let folder = try TemporaryDirectory()
        let test = try GuestTest(path: try Self.write("12345", folder))
        #expect(test.folder(in: "motd\nt 5 /tmp/a b\n", "t") == "/tmp/a b")
        #expect(test.folder(in: "t 4 /tmp/a\n", "t") == nil)
        #expect(test.folder(in: "t 5 relative\n", "t") == nil)
        #expect(test.folder(in: "nothing", "t") == nil)
    }
}
