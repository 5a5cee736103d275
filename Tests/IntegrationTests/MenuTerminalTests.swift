import Foundation
import Glibc
import Linux
import TestSupport
import Testing

/// The terminal is given back whatever happens, and nobody else prints on the screen.
@Suite(.serialized, .enabled(if: TmuxTerminal.isHere, TmuxTerminal.reason))
struct MenuTerminalTests {
    private static let sample = BuiltProgram.path("menu-sample")

    /// The menu between two looks at the terminal's modes; they must be the same. Where the Swift that built us is installed
    /// its runtime would explain a crash at length and then ask what to do; the packaged program has no such helper.
    private static func guarded(_ arguments: String = "") -> String {
        "export SWIFT_BACKTRACE=enable=no; stty -a > $0.before; \(sample) \(arguments); echo code $?; stty -a > $0.after; cmp $0.before $0.after && echo restored; exec sleep 60"
    }

    private func withMenu(_ arguments: String = "", _ body: (TmuxTerminal, pid_t) async throws -> Void) async throws {
        let folder = try TemporaryDirectory()
        try folder.write(Array(Self.guarded(arguments).utf8), to: "run")
        try await TmuxTerminal.with("sh \(folder.path("run"))") { terminal in
            try await terminal.expect("▸ debian")
            let found = try await BuiltProgram.runAny("pgrep", ["-f", "-n", "^\(Self.sample)"])
            let pid = try #require(pid_t(found.stdout.split(separator: "\n").first ?? ""))
            try await body(terminal, pid)
        }
    }

    @Test(arguments: [(SIGTERM, 143), (SIGHUP, 129), (SIGINT, 130)] as [(Int32, Int32)])
    func aSignalGivesTheTerminalBack(_ signal: Int32, _ code: Int32) async throws {
        try await withMenu { terminal, pid in
            kill(pid, signal)
            try await terminal.expect("code \(code)")
            try await terminal.expect("restored")
            #expect(try await !terminal.isOnSecondScreen())
        }
    }

    @Test func aSignalInAGuestsConsoleWaitsUntilThatHasGivenTheTerminalBack() async throws {
        try await withMenu { terminal, pid in
            try await terminal.press("Enter")
            try await terminal.expect("✓ guest")
            try await terminal.press("c")
            try await terminal.expect("console of debian")
            kill(pid, SIGTERM)
            let rows = try await terminal.expect("code 143")
            #expect(rows.contains { $0.contains("console given back") }, "\(rows)")
            try await terminal.expect("restored")
        }
    }

    @Test(arguments: [SIGSEGV, SIGABRT, SIGILL])
    func aCrashGivesTheTerminalBack(_ signal: Int32) async throws {
        try await withMenu { terminal, pid in
            kill(pid, signal)
            try await terminal.expect("code \(128 + signal)")
            try await terminal.expect("restored")
            #expect(try await !terminal.isOnSecondScreen())
        }
    }

    @Test func aTrapInTheProgramSaysNothingOnTheScreen() async throws {
        try await withMenu("--crash") { terminal, _ in
            let rows = try await terminal.expect("restored")
            #expect(!rows.contains { $0.contains("Fatal error") })
        }
    }

    @Test func stoppingFromOutsideAndGoingOnDrawsTheScreenAnew() async throws {
        try await withMenu { terminal, pid in
            kill(pid, SIGSTOP)
            try await Task.sleep(for: .milliseconds(300))
            kill(pid, SIGCONT)
            try await terminal.press("Down")
            try await terminal.expect("▸ hostile")
        }
    }

    @Test func controlZLeadsToTheShellAndBack() async throws {
        try await TmuxTerminal.with("exec bash --norc --noprofile -i") { terminal in
            try await terminal.type("PS1='ready> '; set -m\n")
            try await terminal.expect("ready>")
            try await terminal.type("\(Self.sample)\n")
            try await terminal.expect("▸ debian")
            try await terminal.press("C-z")
            try await terminal.expect("Stopped")
            try await terminal.type("stty -a | grep -c ' icanon'\n")
            try await terminal.expect("1")
            try await terminal.type("fg\n")
            try await terminal.expect("▸ debian")
            try await terminal.press("Down")
            try await terminal.expect("▸ hostile")
            try await terminal.press("q")
            try await terminal.expect("left with 0 guests")
        }
    }

    @Test func asTheLoginsFirstProcessThereIsNoWayToAShell() async throws {
        try await TmuxTerminal.with("exec \(Self.sample)") { terminal in
            try await terminal.expect("▸ debian")
            try await terminal.press("C-z")
            try await terminal.expect("Ctrl-Z is off")
            try await terminal.press("C-\\", "Down")
            try await terminal.expect("▸ hostile")
        }
    }

    @Test func aTerminalThatGoesAwayEndsTheMenu() async throws {
        let folder = try TemporaryDirectory()
        try await TmuxTerminal.with("\(Self.sample) --tag \(folder.path)") { terminal in
            try await terminal.expect("▸ debian")
            await terminal.end()
            for _ in 0..<100 {
                if try await BuiltProgram.runAny("pgrep", ["-f", folder.path]).status != 0 { return }
                try await Task.sleep(for: .milliseconds(100))
            }
            Issue.record("the menu runs on without a terminal")
        }
    }

    /// Exported by a shell's start file, fish, or xterm's resize on another terminal.
    @Test(arguments: ["LINES=12 COLUMNS=44", "LINES=200 COLUMNS=300", "LINES=0 COLUMNS=many"])
    func theSizeIsTheTerminalsWhateverTheEnvironmentSays(_ variables: String) async throws {
        func isFilled(_ rows: [String], _ count: Int, _ columns: Int) -> Bool {
            rows.count >= count && rows[1].hasSuffix("╮") && rows[1].count == columns
                && rows[count - 1].contains("Enter boot")
        }
        try await TmuxTerminal.with("env \(variables) \(Self.sample)", columns: 100, rows: 30) { terminal in
            try await terminal.expect("Enter boot")
            #expect(isFilled(try await terminal.rows(), 30, 100))
            try await terminal.resize(columns: 80, rows: 24)
            var rows: [String] = []
            for _ in 0..<50 where !isFilled(rows, 24, 80) {
                try await Task.sleep(for: .milliseconds(100))
                rows = try await terminal.rows()
            }
            #expect(isFilled(rows, 24, 80), "\(rows.joined(separator: "\n"))")
        }
    }

    @Test func aTerminalWithoutASizeHasTheOneOfTheEnvironment() async throws {
        let command = "stty rows 0 columns 0; env LINES=14 COLUMNS=60 \(Self.sample)"
        try await TmuxTerminal.with(command, columns: 100, rows: 30) { terminal in
            let rows = try await terminal.expect("? help")
            #expect(rows[1].hasSuffix("╮") && rows[1].count == 60)
            #expect(rows[13].contains("? help"))
        }
    }

    @Test func withoutATerminalItSaysWhatToUseInstead() async throws {
        let result = try await BuiltProgram.run("oscircular", [])
        #expect(result.status == 64)
        #expect(result.stderr.contains("'oscircular list'") && result.stdout.isEmpty)
    }

    @Test(arguments: ["TERM=", "TERM=no-such-terminal", "TERM=dumb", "-u TERM"])
    func anUnusableTerminalIsNamed(_ environment: String) async throws {
        let program = BuiltProgram.path("oscircular")
        try await TmuxTerminal.with("env \(environment) \(program); echo code $?; exec sleep 60", columns: 120) {
            terminal in
            let rows = try await terminal.expect("code 69")
            #expect(rows.joined().contains("'oscircular list'"))
        }
    }

    @Test func theMouseChoosesScrollsAndBoots() async throws {
        for name in ["xterm-256color", "tmux-256color"] {
            try await TmuxTerminal.with("env TERM=\(name) \(Self.sample)") { terminal in
                try await terminal.expect("▸ debian")
                // As a terminal of that kind reports a click on row 3, column 10: SGR, or X10's three bytes.
                let click =
                    name.hasPrefix("xterm")
                    ? "\u{1b}[<0;10;3M\u{1b}[<0;10;3m" : "\u{1b}[M \u{2a}\u{23}\u{1b}[M#\u{2a}\u{23}"
                try await terminal.type(click)
                try await terminal.expect("▸ alpine")
                try await terminal.type(click)
                try await Task.sleep(for: .milliseconds(50))
                try await terminal.type(click)
                try await terminal.expect("alpine 2026-11-16")
            }
        }
    }
}
