import Foundation
import Glibc
import Linux
import TestSupport
import Testing

/// The menu in real terminals, over a made-up world that answers at once.
@Suite(.serialized, .enabled(if: TmuxTerminal.isHere, TmuxTerminal.reason))
struct MenuScreenTests {
    static let sample = BuiltProgram.path("menu-sample")
    static let sizes = [(80, 24), (100, 30), (200, 50), (40, 10)]

    @Test(arguments: sizes)
    func everyScreenIsReachedAndResizedAtEverySize(_ size: (columns: Int, rows: Int)) async throws {
        try await TmuxTerminal.with(Self.sample + "; exec sleep 60", columns: size.columns, rows: size.rows) {
            terminal in
            try await terminal.expect("▸ debian")
            // Each screen, what is on it, and the way back.
            let screens: [(keys: [String], text: String)] = [
                (["Right"], "› debian"), (["i"], "newest of 24"), (["Tab"], "› running"), (["C"], "› cache"),
                (["L"], "› log"), (["?"], "› help"), (["/"], "Find:"), (["o"], "Offline use"), (["a"], "Name"),
            ]
            for (keys, text) in screens {
                for key in keys { try await terminal.press(key) }
                try await terminal.expect(text)
                for (columns, rows) in [(120, 40), (30, 6), (1, 1), size] {
                    try await terminal.resize(columns: columns, rows: rows)
                }
                try await terminal.expect(text)
                try await terminal.press("Escape")
                // The list shows through some screens, and the next key must not be one of theirs.
                if text != "newest of 24" { try await terminal.expectNo(text) }
                // Back on the list, in whatever width.
                try await terminal.expect("▸ debian")
            }
            try await terminal.press("q")
            try await terminal.expect("left with 0 guests")
        }
    }

    @Test(arguments: sizes)
    func aSystemIsFoundBootedWatchedAndStopped(_ size: (columns: Int, rows: Int)) async throws {
        try await TmuxTerminal.with(Self.sample + "; exec sleep 60", columns: size.columns, rows: size.rows) {
            terminal in
            try await terminal.expect("▸ debian")
            try await terminal.press("/")
            try await terminal.type("alp")
            try await terminal.expect("▸ alpine")
            try await terminal.expectNo("ubuntu")
            try await terminal.press("Enter", "Right")
            try await terminal.expect("2026-11-02")
            try await terminal.press("Down", "Enter")
            try await terminal.expect("alpine 2026-11-09")
            try await terminal.expect("✓ guest")
            try await terminal.press("c")
            try await terminal.expect("console of alpine@2026-11-09")
            // The made-up console reads lines.
            try await terminal.press("q", "Enter")
            try await terminal.expect("✓ guest")
            try await terminal.press("Tab")
            try await terminal.expect("▸ alpine")
            try await terminal.press("Tab")
            try await terminal.expect("› running")
            try await terminal.press("p")
            try await terminal.expect("paused")
            try await terminal.press("s")
            try await terminal.expectNo("▸ alpine")
            try await terminal.press("q", "q")
            try await terminal.expect("left with 0 guests")
        }
    }

    @Test func aGuestIsThereAsSoonAsItRunsThoughAnotherSessionDoesNotAnswer() async throws {
        try await TmuxTerminal.with(Self.sample + " --silence 4; exec sleep 60") { terminal in
            try await terminal.expect("▸ debian")
            // The survey under way began before the guest's start, and ends after it.
            try await terminal.press("Enter")
            try await terminal.expect("▸ boot set", within: 3)
            try await terminal.expect("running", within: 3)
            try await terminal.press("c")
            try await terminal.expect("console of debian@2026-11-16", within: 3)
            try await terminal.press("q", "Enter")
            try await terminal.expect("✓ guest", within: 3)
            try await terminal.press("Escape")
            try await terminal.expect("├ Running", within: 3)
            try await terminal.press("Enter")
            try await terminal.expect("already running", within: 3)
            // Until every survey that was under way has ended, which nothing shows.
            try await Task.sleep(for: .seconds(5))
            try await terminal.press("Escape", "L")
            let log = try await terminal.expect("booting example/debian", within: 3)
            #expect(!log.contains { $0.contains("has ended") }, "\(log)")
            try await terminal.press("Escape", "q")
            try await terminal.expect("1 guest keeps running", within: 3)
            try await terminal.press("Enter")
            try await terminal.expect("left with 1 guests")
        }
    }

    @Test(arguments: [
        ("TERM=linux", false), ("TERM=xterm-256color", true), ("TERM=tmux-256color", true), ("NO_COLOR=1", true),
        ("LANG=C LC_ALL=C", false),
    ])
    func everyTerminalGetsSignsThatItCanShow(_ environment: String, _ isUnicode: Bool) async throws {
        try await TmuxTerminal.with("env \(environment) \(Self.sample)") { terminal in
            let rows = try await terminal.expect(isUnicode ? "▸ debian" : "> debian")
            #expect(rows[1].hasPrefix(isUnicode ? "╭" : "+ Operating"))
            let colored = try await terminal.rows(withColors: true).joined()
            // The accent is cyan, 36 in any of the forms.
            #expect(colored.contains("36m") == !environment.hasPrefix("NO_COLOR"))
            // The chosen row is reverse even where there is no colour.
            #expect(colored.contains("\u{1b}[7m") || colored.contains(";7m"))
        }
    }

    @Test func theFlagsDoWhatTheEnvironmentDoes() async throws {
        try await TmuxTerminal.with("\(Self.sample) --ascii --no-color --no-mouse") { terminal in
            let rows = try await terminal.expect("> debian")
            #expect(rows[1].hasPrefix("+ Operating"))
            #expect(try await !terminal.rows(withColors: true).joined().contains("36m"))
        }
    }

    @Test func wideSignsKeepTheFrameStraight() async throws {
        try await TmuxTerminal.with(Self.sample) { terminal in
            try await terminal.expect("新しい Debian")
            let rows = try await terminal.rows()
            let row = try #require(rows.first { $0.contains("新しい") })
            // Seven wide signs take a cell each more than they are signs.
            #expect(row.hasSuffix("│") && row.count == 80 - 6)
            // The title of 10,000 signs and escape sequences is clipped and harmless.
            let hostile = try #require(rows.first { $0.contains("hostile") })
            #expect(hostile.count == 80 && hostile.hasSuffix("… │"))
        }
    }

    @Test func controlSignsOfACatalogAreShownAsDots() async throws {
        try await TmuxTerminal.with(Self.sample) { terminal in
            try await terminal.expect("▸ debian")
            try await terminal.press("Down")
            try await terminal.expect("·[31mRed·[0m ·bell ·turned")
            #expect(try await !terminal.rows(withColors: true).joined().contains("\u{1b}[31mRed"))
        }
    }

    @Test func aFloodOfResizesEndsWithTheRightScreen() async throws {
        try await TmuxTerminal.with(Self.sample) { terminal in
            try await terminal.expect("▸ debian")
            for round in 0..<60 { try await terminal.resize(columns: 1 + round * 37 % 200, rows: 1 + round * 13 % 60) }
            try await terminal.resize(columns: 500, rows: 200)
            try await terminal.expect("▸ debian")
            // It may be drawn a moment later than the list.
            try await terminal.expect(" OS Circular")
            try await terminal.resize(columns: 1, rows: 1)
            try await terminal.resize(columns: 80, rows: 24)
            try await terminal.expect("▸ debian")
            // All of it is drawn.
            try await terminal.expect("q quit")
        }
    }

    @Test func theSmallestTerminalCanBeLeft() async throws {
        try await TmuxTerminal.with(Self.sample + "; exec sleep 60", columns: 10, rows: 3) { terminal in
            try await terminal.expect("q quits")
            try await terminal.press("q")
            try await terminal.expect("left with")
        }
    }

    @Test(arguments: [true, false])
    func aPastedMegabyteCommandsNothing(_ isMarked: Bool) async throws {
        let folder = try TemporaryDirectory()
        // Every key that does something is in it, and line ends.
        let line = "qdoVxs acCL\n"
        let text = String(repeating: line, count: 1_000_000 / line.utf8.count)
        try folder.write(Array(text.utf8), to: "paste")
        try await TmuxTerminal.with(Self.sample + "; exec sleep 60") { terminal in
            try await terminal.expect("▸ debian")
            try await terminal.paste(file: folder.path("paste"), isMarked: isMarked)
            try await terminal.expect("pasted text does nothing", within: 60)
            try await terminal.expect("▸ debian")
            try await terminal.press("Down")
            try await terminal.expect("▸ hostile", within: 60)
            // What comes within a moment of a flood belongs to it.
            try await Task.sleep(for: .seconds(1))
            try await terminal.press("q")
            try await terminal.expect("left with 0 guests")
        }
    }

    @Test func newsAtFullRateDoesNotKeepKeysWaiting() async throws {
        try await TmuxTerminal.with(Self.sample + " --many 500 500 --flood 20000") { terminal in
            try await terminal.expect("▸ system-1000", within: 60)
            try await terminal.press("o")
            try await terminal.expect("Offline use")
            try await terminal.press("Enter")
            try await terminal.expect("fetching the boot set of system-1000")
            try await terminal.press("End")
            try await terminal.expect("▸ system-1499", within: 5)
            try await terminal.press("Right")
            try await terminal.expect("500 versions", within: 5)
        }
    }
}
