import Glibc
import Linux
import TestSupport
import Testing

@testable import GuestDomain

@Suite struct ConsoleViewerTests {
    private let folder: TemporaryDirectory
    private let console: GuestConsole
    private let guest: FakeGuest
    private var viewerPath: String { folder.path("console") }

    init() throws {
        folder = try TemporaryDirectory()
        console = try GuestConsole(
            guestSocketPath: folder.path("serial"), viewerSocketPath: folder.path("console"),
            logPath: folder.path("log"))
        guest = try FakeGuest(folder.path("serial"))
    }

    /// A terminal's two ends: what a person holds, and what a program has as its standard input.
    private struct Terminal {
        let person: FileHandle
        let program: FileHandle

        init() throws {
            // Swift's Glibc lacks posix_openpt and the like: the kernel's own TIOCSPTLCK and TIOCGPTN.
            let person = try FileHandle(path: "/dev/ptmx", flags: O_RDWR | O_NOCTTY)
            var (locked, number): (Int32, Int32) = (0, 0)
            try systemCall("unlock pty") { ioctl(person.descriptor, 0x4004_5431, &locked) }
            try systemCall("number of pty") { ioctl(person.descriptor, 0x8004_5430, &number) }
            self.person = person
            program = try FileHandle(path: "/dev/pts/\(number)", flags: O_RDWR | O_NOCTTY)
        }

        var isRaw: Bool {
            var state = termios()
            tcgetattr(program.descriptor, &state)
            return state.c_lflag & tcflag_t(ICANON | ECHO | ISIG) == 0
        }

        /// Bytes that a program on the terminal could read.
        var unread: Int32 {
            var count: Int32 = 0
            _ = ioctl(program.descriptor, UInt(FIONREAD), &count)
            return count
        }

        /// Bytes that the terminal was sent, and has not shown.
        var unseen: Int32 {
            var count: Int32 = 0
            _ = ioctl(person.descriptor, UInt(FIONREAD), &count)
            return count
        }

        /// What the terminal was sent so far.
        func shown() -> String {
            var text: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 4096)
            var item = pollfd(fd: person.descriptor, events: Int16(POLLIN), revents: 0)
            while poll(&item, 1, 0) == 1 {
                let count = read(person.descriptor, &buffer, buffer.count)
                if count <= 0 { break }
                text += buffer[..<count]
            }
            return String(decoding: text, as: UTF8.self)
        }

        func type(_ text: String) throws { try Array(text.utf8).withUnsafeBytes { try person.write($0) } }

        /// Types as fast as the program takes it.
        /// - Returns: false when it stopped taking it.
        func typeAll(_ text: String) async throws -> Bool {
            try person.makeNonblocking()
            var rest = Array(text.utf8)[...]
            return await eventually {
                while !rest.isEmpty {
                    let count = rest.withUnsafeBytes { write(person.descriptor, $0.baseAddress, min($0.count, 4096)) }
                    if count <= 0 { return false }
                    rest = rest.dropFirst(count)
                }
                return true
            }
        }
    }

    private func run(
        _ terminal: Terminal, at path: String? = nil, interruption: EventDescriptor? = nil, moment: Int32 = 100
    ) async throws -> ConsoleViewer.End {
        let path = path ?? viewerPath
        return try await WorkerThread.run(name: "test-viewer") {
            let descriptor = terminal.program.descriptor
            return try ConsoleViewer.run(
                socketPath: path, input: descriptor, output: StandardOutput(descriptor: descriptor),
                interruption: interruption, moment: moment)
        }
    }

    @Test func passesEveryKeyOnAndLeavesAtTheEscapeKey() async throws {
        let terminal = try Terminal()
        #expect(!terminal.isRaw)
        async let end = run(terminal)
        #expect(await eventually { terminal.isRaw })
        // Ctrl-C is the guest's.
        try terminal.type("ls\u{3}")
        #expect(try await guest.hearText(3) == "ls\u{3}")
        try terminal.type("x\u{1d}y")
        #expect(try await end == .left)
        #expect(try await guest.hearText(1) == "x")
        #expect(!terminal.isRaw)
        await console.finish()
    }

    @Test func showsWhatTheGuestSaysAndEndsWithIt() async throws {
        let terminal = try Terminal()
        async let end = run(terminal)
        #expect(await eventually { terminal.isRaw })
        try guest.say("hello")
        var buffer = [UInt8](repeating: 0, count: 16)
        #expect(
            await eventually {
                var item = pollfd(fd: terminal.person.descriptor, events: Int16(POLLIN), revents: 0)
                return poll(&item, 1, 0) == 1
            })
        #expect(read(terminal.person.descriptor, &buffer, buffer.count) == 5)
        #expect(String(decoding: buffer[..<5], as: UTF8.self) == "hello")
        console.close()
        #expect(try await end == .closed)
        #expect(!terminal.isRaw)
    }

    @Test func leavingTakesBackTheGuestsModesAndDiscardsWhatTheTerminalStillSends() async throws {
        let terminal = try Terminal()
        async let end = run(terminal, moment: 1000)
        #expect(await eventually { terminal.isRaw })
        try guest.say("\u{1b}[?1003h\u{1b}[?1049h\u{1b}]52;c;AAAA\u{7}\u{1b}[?25l\u{1b}(0\u{1b}[6n\u{1b}[5n.")
        var shown = ""
        #expect(
            await eventually {
                shown += terminal.shown()
                return shown.hasSuffix(".")
            })
        #expect(shown == "\u{1b}[?1003h\u{1b}[?1049h\u{1b}[?25l\u{1b}(0.")
        try terminal.type("\u{1d}")
        var after = ""
        #expect(
            await eventually {
                after += terminal.shown()
                return after.contains("\u{1b}[?2004l")
            })
        // A movement of the mouse that was on its way.
        try terminal.type("\u{1b}[<35;10;10Mrm -rf x\r")
        #expect(try await end == .left)
        #expect(
            ["\u{1b}[?1003l", "\u{1b}[?1049l", "\u{1b}[?25h", "\u{1b}(B"].allSatisfy(after.contains),
            "\(after.debugDescription)")
        #expect(terminal.unread == 0)
        #expect(!terminal.isRaw)
        await console.finish()
    }

    @Test func anInterruptionRestoresTheTerminal() async throws {
        let terminal = try Terminal()
        let interruption = try EventDescriptor()
        async let end = run(terminal, interruption: interruption)
        #expect(await eventually { terminal.isRaw })
        interruption.signal()
        #expect(try await end == .interrupted)
        #expect(!terminal.isRaw)
        await console.finish()
    }

    @Test(arguments: [ConsoleViewer.End.left, .interrupted])
    func aGuestThatDoesNotReadHoldsNoTerminal(_ expected: ConsoleViewer.End) async throws {
        let terminal = try Terminal()
        let deaf = try UnixListener(path: folder.path("deaf"))
        let interruption = try EventDescriptor()
        async let end = run(terminal, at: folder.path("deaf"), interruption: interruption)
        #expect(await eventually { terminal.isRaw })
        var connection = deaf.accept(nonblocking: false)
        #expect(connection != nil)
        // Movements of a mouse: more than the kernel keeps for the console and the viewer itself.
        let hasTaken = try await terminal.typeAll(String(repeating: "\u{1b}[<35;1;1M", count: 40_000))
        #expect(hasTaken)
        if expected == .left {
            if hasTaken { #expect(try await terminal.typeAll("\u{1d}")) }
        } else {
            interruption.signal()
        }
        #expect(await eventually { !terminal.isRaw })
        // Ends it whatever it waits for.
        connection = nil
        #expect(try await end == expected)
        await console.finish()
    }

    @Test func aTerminalThatTakesNoOutputHoldsNoProgram() async throws {
        let terminal = try Terminal()
        let interruption = try EventDescriptor()
        async let end = run(terminal, interruption: interruption)
        #expect(await eventually { terminal.isRaw })
        // More than the kernel keeps for a terminal that nobody reads.
        for _ in 0..<16 { try guest.say(String(repeating: "x", count: 4096)) }
        #expect(await eventually { terminal.unseen > 1000 })
        // It has tried to write the rest by then.
        try await Task.sleep(for: .milliseconds(300))
        interruption.signal()
        let hasEnded = await eventually { !terminal.isRaw }
        #expect(hasEnded)
        // Ends it whatever it waits for.
        if !hasEnded { console.close(); _ = terminal.shown() }
        #expect(try await end == .interrupted)
        await console.finish()
    }

    @Test func withoutATerminalItRelaysPlainlyAndTheEndOfInputIsNotTheEnd() async throws {
        var typing: FileHandle?
        let input: FileHandle
        (input, typing) = try ends()
        let (shown, showing) = try ends()
        let path = viewerPath
        async let end = WorkerThread.run(name: "test-viewer") {
            try ConsoleViewer.run(
                socketPath: path, input: input.descriptor, output: StandardOutput(descriptor: showing.descriptor))
        }
        // The escape key's byte means nothing in a pipe.
        try Array("a\u{1d}b".utf8).withUnsafeBytes { try typing?.write($0) }
        #expect(try await guest.hearText(3) == "a\u{1d}b")
        typing = nil
        try guest.say("after")
        #expect(
            await eventually {
                var item = pollfd(fd: shown.descriptor, events: Int16(POLLIN), revents: 0)
                return poll(&item, 1, 0) == 1
            })
        console.close()
        #expect(try await end == .closed)
        var buffer = [UInt8](repeating: 0, count: 16)
        #expect(read(shown.descriptor, &buffer, buffer.count) == 5)
    }

    @Test func endsWhenNobodyReadsAndTheProgramCanTell() async throws {
        let full = StandardOutput(descriptor: open("/dev/full", O_WRONLY | O_CLOEXEC))
        let path = viewerPath
        async let end = WorkerThread.run(name: "test-viewer") {
            try ConsoleViewer.run(socketPath: path, input: -1, output: full)
        }
        // The viewer may connect a little later.
        let hasFailed = try await eventually {
            try guest.say("text")
            return full.finish() != nil
        }
        #expect(hasFailed)
        if !hasFailed { console.close() }
        #expect(try await end == .unread)
        #expect(full.finish()?.code == ENOSPC)
        await console.finish()
    }

    private func ends() throws -> (FileHandle, FileHandle) {
        let pipe = try Pipe()
        return (pipe.reading, pipe.writing)
    }

    @Test func saysWhenNoConsoleAnswers() async throws {
        await console.finish()
        let path = viewerPath
        #expect(throws: SystemCallError(code: ENOENT, call: "connect", subject: path)) {
            try ConsoleViewer.run(socketPath: path, input: -1, output: StandardOutput(descriptor: -1))
        }
    }
}
