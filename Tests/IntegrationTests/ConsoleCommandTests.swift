import Boot
import Linux
import TestSupport
import Testing

/// `oscircular console` in a real terminal, which answers questions as terminals do. The guest is a socket of the test's.
@Suite(.serialized, .enabled(if: TmuxTerminal.isHere, TmuxTerminal.reason))
struct ConsoleCommandTests {
    private let folder: TemporaryDirectory
    private let lock: FileHandle
    private let listener: UnixListener
    private static let session = "console1"

    init() throws {
        // Root's runtime folder must let QEMU's user through.
        folder = try TemporaryDirectory(mode: 0o711)
        let session = folder.path("oscircular/sessions/\(Self.session)")
        try Folder.make(session)
        for place in [folder.path("oscircular"), folder.path("oscircular/sessions"), session] {
            try Paths.setPermissions(place, 0o700)
        }
        // A session lives as long as its lock is held.
        lock = try FileHandle("\(session)/lock", for: .both, .create)
        _ = try lock.lock(exclusive: true, wait: false)
        listener = try UnixListener(path: "\(session)/console")
    }

    /// The command, then a program that shows what was typed into it.
    private var command: String {
        "export HOME=\(folder.path) XDG_RUNTIME_DIR=\(folder.path) XDG_STATE_HOME=\(folder.path)/state LANG=C.UTF-8; "
            + "\(BuiltProgram.path("oscircular")) console \(Self.session); echo code $?; exec cat -v"
    }

    private func accept() async throws -> FileHandle {
        let listener = listener
        let connection = try await WorkerThread.run(name: "test-accept") {
            var waiting = [PollSource(listener.descriptor)]
            return try PollSource.wait(for: &waiting, milliseconds: 15_000) ? listener.accept(nonblocking: true) : nil
        }
        return try #require(connection)
    }

    private func say(_ text: String, on connection: FileHandle) throws {
        try Array(text.utf8).withUnsafeBytes { try connection.write($0) }
    }

    @Test func aGuestsModesAndQuestionsEndWithItsConsole() async throws {
        try await TmuxTerminal.with(command) { terminal in
            try await terminal.expect("Connected to \(Self.session)")
            let plain = try await terminal.modes()
            let guest = try await accept()
            try say(
                "\u{1b}[?1003h\u{1b}[?1006h\u{1b}[?1h\u{1b}=\u{1b}[4h\u{1b}[?7l\u{1b}[?25l\u{1b}(0\u{1b}[5;9r"
                    + "\u{1b}]0;TITLE\u{7}\u{1b}]52;c;cm0gLXJmIH4K\u{7}\u{1b}[6n\u{1b}[5n\u{1b}[c\u{1b}[21t\u{1b}[31mqqqdrawn",
                on: guest)
            try await terminal.expect("qqqdrawn")
            // Line drawing: the guest's letters are lines, which tmux marks by shift out.
            #expect(try await terminal.rows(withColors: true).contains { $0.contains("\u{e}") })
            #expect(try await terminal.modes() != plain)
            try await terminal.press("C-]")
            // Typed as letters again, and not in the middle of answers.
            try await terminal.expect("code 0")
            #expect(try await terminal.modes() == plain)
            try await terminal.type("qqq")
            try await terminal.press("Enter")
            // The input, and what cat makes of it.
            let isAlone = try await eventually { try await terminal.rows().filter { $0 == "qqq" }.count == 2 }
            let rows = try await terminal.rows()
            #expect(isAlone, "\(rows)")
            let colored = try await terminal.rows(withColors: true).filter {
                $0.contains("qqq") && !$0.contains("drawn")
            }
            #expect(!colored.contains { $0.contains("\u{e}") }, "\(colored)")
        }
    }

    @Test func theSecondScreenIsLeft() async throws {
        try await TmuxTerminal.with(command) { terminal in
            try await terminal.expect("Connected")
            let guest = try await accept()
            try say("\u{1b}[?1049h\u{1b}[H\u{1b}[2Jeditor", on: guest)
            try await terminal.expect("editor")
            #expect(try await terminal.isOnSecondScreen())
            try await terminal.press("C-]")
            try await terminal.expect("code 0")
            #expect(try await !terminal.isOnSecondScreen())
            try await terminal.expect("Connected")
        }
    }
}
