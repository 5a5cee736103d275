import Glibc
import Linux
import TestSupport
import Testing

/// Guests' screens in the menu, over a made-up world, on terminals that show pictures and on others.
@Suite(.serialized) struct MenuPictureTests {
    @Test func kittyGetsThePictureAndItIsTakenAwayBeforeADialog() async throws {
        try await PixelTerminal.with("menu-sample", ["--screens"]) { terminal in
            try await terminal.expect("\u{1b}[c")
            // An answer that comes in parts, as over a slow line, is no key: c would open a console.
            for part in ["\u{1b}[?62;", "22", "c"] {
                try terminal.type(part)
                try await Task.sleep(for: .milliseconds(60))
            }
            try await terminal.expect("\u{1b}_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\u{1b}\\\u{1b}[c")
            try terminal.type("\u{1b}_Gi=31;OK\u{1b}\\\u{1b}[?62;22c")
            try terminal.type("\r")
            // In the box's inside: 35 columns of 10 pixels and 11 rows of 20 have the proportions of 320 x 200.
            try await terminal.expect("\u{1b}7\u{1b}[11;43H\u{1b}_Ga=T,f=24,o=z,s=320,v=200,c=35,r=11,")
            try terminal.type("x")
            try await terminal.expect("\u{1b}_Ga=d,d=I,i=5198659,q=2\u{1b}\\")
            try await terminal.expect("Power off")
            let before = terminal.text.count(of: "a=T")
            try terminal.type("\u{1b}")
            #expect(await eventually { terminal.text.count(of: "a=T") == before + 1 })
            #expect(!terminal.text.contains("console of"))
            // What has not changed is not sent again.
            try await Task.sleep(for: .seconds(3))
            #expect(terminal.text.count(of: "a=T") == before + 1)
        }
    }

    @Test func sixelIsDrawnInPixelsOfTheTerminalAndNobodyElseIsAskedForKitty() async throws {
        try await PixelTerminal.with("menu-sample", ["--screens"]) { terminal in
            try await terminal.expect("\u{1b}[c")
            try terminal.type("\u{1b}[?1;2;4c\r")
            try await terminal.expect("\u{1b}P0;1q\"1;1;320;200#0;2;")
            #expect(!terminal.text.contains("\u{1b}_G"))
        }
    }

    @Test func anAnswerThatIsUnderWayDoesNotReachTheShell() async throws {
        try await PixelTerminal.with("menu-sample", []) { terminal in
            try await terminal.expect("\u{1b}[c")
            try terminal.type("q")
            try await Task.sleep(for: .milliseconds(100))
            try terminal.type("\u{1b}[?62;4c")
            #expect(try await terminal.ending() == .exited(0))
            #expect(terminal.unread == 0)
        }
    }

    @Test(arguments: [
        ("xterm-256color", "", true), ("xterm", "", true), ("linux", "", false), ("xterm", "NO_COLOR=1", false),
    ])
    func othersGetCellsWhereTheyHaveColours(_ kind: String, _ variable: String, _ isPictured: Bool) async throws {
        try await TmuxTerminal.with("env TERM=\(kind) \(variable) \(BuiltProgram.path("menu-sample")) --screens") {
            terminal in
            try await terminal.expect("OS Circular")
            try await terminal.press("Enter")
            try await terminal.expect(kind == "linux" ? "* guest" : "✓ guest")
            if isPictured {
                try await terminal.expect("╭ screen ─")
                let rows = try await terminal.expect("█")
                // White, red, blue and green are there, each over the others.
                #expect(rows.joined().contains("▀"))
                let colored = try await terminal.rows(withColors: true).joined()
                #expect(kind == "xterm" || colored.contains("38;5;231") && colored.contains("48;5;"), "\(colored)")
            } else {
                try await Task.sleep(for: .seconds(3))
                let rows = try await terminal.rows()
                #expect(!rows.joined().contains("screen"), "\(rows)")
            }
            // tmux takes an unknown question for a title.
            #expect(try await !terminal.modes().contains("i=31"))
        }
    }
}

/// A terminal of 80 columns and 24 rows, with cells of 10 x 20 pixels, that shows nothing and keeps what it is sent.
private final class PixelTerminal: Sendable {
    private let person: FileHandle
    /// Kept open, so that what the program did not read can be counted.
    private let program: FileHandle
    private let child: ChildProcess
    private let sent = Monitor<[UInt8]>([])
    private let ended = Monitor<ChildProcess.Ending?>(nil)

    private init(_ name: String, _ arguments: [String]) throws {
        // Swift's Glibc lacks posix_openpt and the like: the kernel's own TIOCSPTLCK and TIOCGPTN.
        person = try FileHandle(path: "/dev/ptmx", flags: O_RDWR | O_NOCTTY)
        var (locked, number): (Int32, Int32) = (0, 0)
        let descriptor = person.descriptor
        try systemCall("unlock pty") { ioctl(descriptor, 0x4004_5431, &locked) }
        try systemCall("number of pty") { ioctl(descriptor, 0x8004_5430, &number) }
        program = try FileHandle(path: "/dev/pts/\(number)", flags: O_RDWR | O_NOCTTY)
        var size = winsize(ws_row: 24, ws_col: 80, ws_xpixel: 800, ws_ypixel: 480)
        try systemCall("size of pty") { ioctl(descriptor, UInt(TIOCSWINSZ), &size) }
        // So that bytes count, and not lines, when the program has given it back.
        var state = termios()
        tcgetattr(program.descriptor, &state)
        cfmakeraw(&state)
        tcsetattr(program.descriptor, TCSANOW, &state)
        child = try ChildProcess(
            BuiltProgram.path(name), arguments,
            environment: ["TERM=xterm-256color", "LANG=C.UTF-8", "PATH=/usr/bin:/bin"],
            session: .onTerminal("/dev/pts/\(number)"))
        try WorkerThread.start(name: "pixels") { [person, sent] in
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while case .bytes(let count)? = try? buffer.withUnsafeMutableBytes({ try person.receive(into: $0) }) {
                sent.change { $0 += buffer[..<count] }
            }
        }
    }

    static func with(
        _ name: String, _ arguments: [String], _ body: (PixelTerminal) async throws -> Void
    ) async throws {
        let terminal = try PixelTerminal(name, arguments)
        let result: Result<Void, any Error>
        do { result = .success(try await body(terminal)) } catch { result = .failure(error) }
        // Its number may be another's once it was waited for.
        if terminal.ended.change(wakingIf: { ($0, false) }) == nil { terminal.child.signal(SIGKILL) }
        _ = try await terminal.ending()
        try result.get()
    }

    /// All that it was sent.
    var text: String { String(decoding: sent.change(wakingIf: { ($0, false) }), as: UTF8.self) }

    /// How the program ended.
    func ending() async throws -> ChildProcess.Ending {
        try await WorkerThread.run(name: "pixels") { [child, ended] in
            ended.change { ending in
                let result = ending ?? child.wait()
                ending = result
                return result
            }
        }
    }

    /// Bytes that nobody has read.
    var unread: Int32 {
        var count: Int32 = 0
        _ = ioctl(program.descriptor, UInt(FIONREAD), &count)
        return count
    }

    func type(_ text: String) throws { try Array(text.utf8).withUnsafeBytes { try person.write($0) } }

    func expect(_ wanted: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        for _ in 0..<200 {
            if text.contains(wanted) { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        Issue.record("no \(wanted.debugDescription): \(text.debugDescription)", sourceLocation: sourceLocation)
    }
}

extension String {
    fileprivate func count(of part: String) -> Int { ranges(of: part).count }
}
