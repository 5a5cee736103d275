import Glibc
import Linux
import TestSupport
import Testing

/// A terminal that a person could sit at: a tmux server of one test's own.
final class TmuxTerminal: Sendable {
    private let socket = "oscircular-\(getpid())-\(String(UInt64.random(in: 0 ... .max), radix: 36))"

    static let isHere = BuiltProgram.isInstalled("tmux")
    static let reason: Comment = "tmux is not installed"

    /// Starts a shell command in a terminal of this size.
    init(_ command: String, columns: Int = 80, rows: Int = 24) async throws {
        _ = try await tmux(
            "-u", "-f", "/dev/null", "new-session", "-d", "-x", "\(columns)", "-y", "\(rows)", "sh", "-c", command)
    }

    /// Runs `body` and ends the terminal however it ends.
    static func with(
        _ command: String, columns: Int = 80, rows: Int = 24, _ body: (TmuxTerminal) async throws -> Void
    ) async throws {
        let terminal = try await TmuxTerminal(command, columns: columns, rows: rows)
        do { try await body(terminal) } catch {
            await terminal.end()
            throw error
        }
        await terminal.end()
    }

    func end() async { _ = try? await tmux("kill-server") }

    /// Presses keys, by tmux's names: `Enter`, `Down`, `C-z`, `q`.
    func press(_ keys: String...) async throws { _ = try await run(["send-keys"] + keys) }

    /// Types a text as it is.
    func type(_ text: String) async throws { _ = try await tmux("send-keys", "-l", text) }

    /// Pastes a file's content as the terminal's own paste key does.
    func paste(file: String, isMarked: Bool) async throws {
        _ = try await tmux("load-buffer", file)
        _ = try await run(["paste-buffer"] + (isMarked ? ["-p"] : []))
    }

    func resize(columns: Int, rows: Int) async throws {
        _ = try await tmux("resize-window", "-x", "\(columns)", "-y", "\(rows)")
    }

    /// The screen's rows.
    func rows(withColors: Bool = false) async throws -> [String] {
        let text = try await run(["capture-pane", "-p"] + (withColors ? ["-e"] : []))
        return text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// Whether the program left the terminal's second screen again.
    func isOnSecondScreen() async throws -> Bool {
        try await tmux("display-message", "-p", "#{alternate_on}").hasPrefix("1")
    }

    /// The modes that a program set, and the title.
    func modes() async throws -> String {
        let flags = [
            "alternate_on", "mouse_any_flag", "mouse_all_flag", "mouse_sgr_flag", "keypad_flag", "keypad_cursor_flag",
            "insert_flag", "wrap_flag", "origin_flag", "cursor_flag", "scroll_region_upper", "scroll_region_lower",
            "pane_title",
        ]
        return try await tmux("display-message", "-p", flags.map { "\($0) #{\($0)}" }.joined(separator: ", "))
    }

    /// Waits until a row holds the text.
    /// - Returns: all rows then.
    @discardableResult
    func expect(
        _ text: String, within seconds: Int = 15, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> [String] {
        try await wait(within: seconds, for: "no \(text)", sourceLocation) { $0.contains { $0.contains(text) } }
    }

    /// Waits until no row holds the text, twice: one picture may show a screen half drawn.
    func expectNo(
        _ text: String, within seconds: Int = 15, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        var (without, last) = (0, ContinuousClock.now - .seconds(1))
        try await wait(within: seconds, for: "still \(text)", sourceLocation) { rows in
            if ContinuousClock.now - last < .milliseconds(100) { return false }
            last = ContinuousClock.now
            without = rows.contains { $0.contains(text) } ? 0 : without + 1
            return without == 2
        }
    }

    @discardableResult
    private func wait(
        within seconds: Int, for what: String, _ sourceLocation: SourceLocation, _ isThere: ([String]) -> Bool
    ) async throws -> [String] {
        var rows: [String] = []
        let begin = ContinuousClock.now
        while ContinuousClock.now - begin < .seconds(seconds) {
            rows = try await self.rows()
            if isThere(rows) { return rows }
            // Most comes at once.
            try await Task.sleep(for: .milliseconds(ContinuousClock.now - begin < .seconds(1) ? 30 : 100))
        }
        Issue.record("\(what):\n\(rows.joined(separator: "\n"))", sourceLocation: sourceLocation)
        return rows
    }

    @discardableResult
    private func tmux(_ arguments: String...) async throws -> String { try await run(arguments) }

    private func run(_ arguments: [String]) async throws -> String {
        // tmux itself draws UTF-8 only in such a locale; what runs in it may have another.
        let environment = [
            "LANG": "C.UTF-8", "TERM": "xterm-256color", "HOME": "/tmp",
            "PATH": getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin",
        ]
        let result = try await BuiltProgram.runAny("tmux", ["-L", socket] + arguments, environment: environment)
        guard result.status == 0 else { throw Failure(description: "tmux \(arguments): \(result.stderr)") }
        return result.stdout
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }
}
