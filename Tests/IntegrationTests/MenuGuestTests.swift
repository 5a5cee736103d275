import Boot
import Glibc
import Linux
import TestSupport
import Testing

/// The menu over real catalogs, a real cache and real guests: what a user does with `make run`.
@Suite(
    .serialized, .enabled(if: TmuxTerminal.isHere, TmuxTerminal.reason),
    .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)))
struct MenuGuestTests {
    /// The program in the scenario's own places; the line after it says how it ended.
    private func command(
        _ scenario: Scenario, _ arguments: String = "", with more: [String: String] = [:]
    ) -> String {
        let variables = scenario.environment.merging(more) { $1 }.map { "\($0)='\($1)'" }.sorted().joined(
            separator: " ")
        return "env -i LANG=C.UTF-8 TERM=xterm-256color \(variables) \(BuiltProgram.path("oscircular")) \(arguments)"
            + "; echo code $?; exec sleep 600"
    }

    private func withTwoWeeks(_ body: (Scenario) async throws -> Void) async throws {
        let image = try await TinyGuest.image()
        let scenario = try await Scenario(
            images: [("2026-11-16", image), ("2026-11-23", image)], configuration: "[guest]\naccel = \"tcg\"\n")
        do { try await body(scenario) } catch {
            await scenario.end()
            throw error
        }
        await scenario.end()
    }

    @Test(.timeLimit(.minutes(5)))
    func twoWeeksRunAtOnceOutliveTheMenuAndAreStopped() async throws {
        try await withTwoWeeks { scenario in
            try await TmuxTerminal.with(command(scenario)) { terminal in
                try await terminal.expect("▸ tiny")
                try await terminal.press("Enter")
                try await terminal.expect("✓ guest", within: 120)
                try await terminal.press("c")
                try await terminal.expect("READY", within: 120)
                try await terminal.press("C-]")
                try await terminal.expect("✓ guest")
                try await terminal.expect("read by the guest")
                try await terminal.press("Escape")
                try await terminal.expect("├ Running")
                try await terminal.press("Right")
                try await terminal.expect("ran last")
                try await terminal.press("Down", "Enter")
                try await terminal.expect("tiny 2026-11-16")
                try await terminal.expect("✓ guest", within: 120)
                try await terminal.press("Tab")
                try await terminal.expect("▸ tiny")
                try await terminal.press("q")
                try await terminal.expect("2 guests keep running without the menu")
                try await terminal.press("Enter")
                try await terminal.expect("2 guests keep running; 'oscircular' shows them again")
                try await terminal.expect("code 0")
            }
            #expect(try await scenario.sessions().count == 2)
            try await TmuxTerminal.with(command(scenario), columns: 100, rows: 30) { terminal in
                try await terminal.expect("├ Running")
                try await terminal.press("Tab")
                try await terminal.expect("2 guests")
                try await terminal.press("s")
                try await terminal.expect("1 guest", within: 90)
                try await terminal.press("x")
                try await terminal.expect("Power off")
                try await terminal.press("Right", "Enter")
                try await terminal.expect("No guest is running", within: 90)
                try await terminal.press("q", "q")
                try await terminal.expect("code 0")
            }
            #expect(try await scenario.sessions().isEmpty)
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func aVersionIsFetchedPinnedVerifiedAndRemoved() async throws {
        try await withTwoWeeks { scenario in
            try await TmuxTerminal.with(command(scenario)) { terminal in
                try await terminal.expect("at most")
                try await terminal.press("o")
                try await terminal.expect("Whole image")
                try await terminal.press("Enter")
                try await terminal.expect("fully cached", within: 60)
                try await terminal.press("Space")
                try await terminal.expect("pinned")
                #expect(try await scenario.client("list").contains("pinned"))
                try await terminal.press("C")
                try await terminal.expect("complete")
                try await terminal.press("V")
                try await terminal.expect("all blocks are intact", within: 60)
                try await terminal.press("Escape", "Space")
                try await terminal.expect("unpinned")
                try await terminal.press("d", "Right", "Enter")
                try await terminal.expect("removed from the cache")
                try await terminal.expect("at most")
            }
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func aCatalogOfAnotherTerminalAppearsAndAGuestsConsoleOpensByItself() async throws {
        try await withTwoWeeks { scenario in
            _ = try await scenario.client("catalog", "remove", "test")
            try await TmuxTerminal.with(command(scenario, "--display console")) { terminal in
                try await terminal.expect("No catalog yet")
                try await scenario.follow("other", at: scenario.server.url)
                try await terminal.expect("▸ tiny", within: 30)
                try await terminal.press("Enter")
                try await terminal.expect("READY", within: 120)
                // What the guest does to the terminal is over when the menu has it again, and no answer is its input.
                try await terminal.type("printf 'dra''wn\\n\\033[?1003h\\033(0\\033[?25l\\033[6n'\n")
                try await terminal.expect("drawn")
                #expect(try await eventually { try await terminal.modes().contains("mouse_all_flag 1") })
                try await terminal.press("C-]")
                try await terminal.expect("✓ guest")
                try await terminal.press("Escape", "q")
                try await terminal.expect("without the menu")
                try await terminal.press("Enter")
                try await terminal.expect("code 0")
                let modes = try await terminal.modes()
                #expect(["mouse_any_flag 0", "cursor_flag 1"].allSatisfy(modes.contains), "\(modes)")
            }
        }
    }

    /// The terminal that hangs up leaves the guest; what asks the program to end asks the guest, too.
    @Test(.timeLimit(.minutes(5)), arguments: [SIGHUP, SIGTERM])
    func aSignalToBootOnItsConsoleGivesTheTerminalBackFirst(_ signal: Int32) async throws {
        try await withTwoWeeks { scenario in
            let (program, number) = (BuiltProgram.path("oscircular"), scenario.folder.path("pid"))
            let boot = command(scenario, "boot tiny --display console").replacing(
                program, with: "/bin/sh -c 'echo $$ > \(number); exec \"$0\" \"$@\"' \(program)")
            try await TmuxTerminal.with(boot) { terminal in
                try await terminal.expect("READY", within: 120)
                try await terminal.type("printf 'dra''wn\\n\\033[?1003h\\033[?25l'\n")
                try await terminal.expect("drawn")
                #expect(try await eventually { try await terminal.modes().contains("mouse_all_flag 1") })
                let text = try FileContents.readText(number, limit: 100)
                kill(try #require(pid_t(text.prefix { $0 != "\n" })), signal)
                try await terminal.expect(signal == SIGHUP ? "code 129" : "asking the guest to shut down")
                let modes = try await terminal.modes()
                #expect(["mouse_any_flag 0", "cursor_flag 1"].allSatisfy(modes.contains), "\(modes)")
            }
            if signal == SIGHUP { #expect(try await scenario.sessions().map(\.state) == [.running]) }
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: [true, false])
    func aGuestHasAScreenWhereWindowsCanBeOpened(_ hasDisplay: Bool) async throws {
        try await withTwoWeeks { scenario in
            let more = hasDisplay ? ["WAYLAND_DISPLAY": "wayland-of-the-test"] : [:]
            try await TmuxTerminal.with(command(scenario, with: more)) { terminal in
                try await terminal.expect("▸ tiny")
                try await terminal.press("Enter")
                try await terminal.expect("✓ guest", within: 120)
                let session = try #require(try await scenario.sessions().first)
                let runtime = try #require(scenario.environment["XDG_RUNTIME_DIR"])
                let socket = "\(runtime)/oscircular/sessions/\(session.id)/screen/qemu"
                #expect(access(socket, F_OK) == (hasDisplay ? 0 : -1))
            }
        }
    }

    @Test func aServerThatIsAwayCostsNoTimeAndIsNamed() async throws {
        try await withTwoWeeks { scenario in
            scenario.server.stop()
            try await TmuxTerminal.with(command(scenario)) { terminal in
                // What was known is there, and what is wrong.
                try await terminal.expect("▸ tiny", within: 5)
                // A copy of a moment ago is believed until the user asks.
                try await terminal.press("r")
                try await terminal.expect("unreachable", within: 60)
                try await terminal.press("Enter")
                try await terminal.expect("failed", within: 60)
                try await terminal.press("L")
                try await terminal.expect("did not boot")
                try await terminal.press("Escape", "Escape")
                try await terminal.expect("▸ tiny")
            }
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func aSessionThatIsStoppedDoesNotHideTheNextOne() async throws {
        try await withTwoWeeks { scenario in
            let stopped = try await scenario.boot("tiny@2026-11-16")
            kill(stopped.pid, SIGSTOP)
            defer { kill(stopped.pid, SIGCONT) }
            try await TmuxTerminal.with(command(scenario)) { terminal in
                try await terminal.expect("does not answer", within: 30)
                try await terminal.press("Enter")
                try await terminal.expect("tiny 2026-11-23")
                let rows = try await terminal.expect("✓ guest", within: 120)
                #expect(rows.first?.contains("running") == true, "\(rows)")
                try await terminal.press("c")
                try await terminal.expect("READY", within: 120)
                try await terminal.press("C-]")
                try await terminal.expect("✓ guest")
                try await terminal.press("Tab", "q")
                try await terminal.expect("2 guests keep running without the menu")
            }
        }
    }

    @Test func twoMenusSeeTheSameGuests() async throws {
        try await withTwoWeeks { scenario in
            try await TmuxTerminal.with(command(scenario)) { first in
                try await TmuxTerminal.with(command(scenario)) { second in
                    try await first.expect("▸ tiny")
                    try await second.expect("▸ tiny")
                    try await first.press("Enter")
                    try await second.expect("├ Running", within: 120)
                    // Before that it would be a start that failed.
                    try await first.expect("✓ guest", within: 120)
                    let session = try #require(try await scenario.sessions().first)
                    // Dying under both screens.
                    kill(session.pid, SIGKILL)
                    try await first.expect("has ended", within: 60)
                    try await second.expectNo("├ Running", within: 60)
                }
            }
        }
    }
}
