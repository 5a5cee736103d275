import Curses

/// How the user wants the menu: the program's flags and the environment.
package struct MenuOptions: Sendable {
    package var mouse: Bool
    package var color: Bool
    package var ascii: Bool
    /// Whether the terminal can show dim text. A Linux console in text mode with a font of 512 characters shows it black on black.
    package var dim: Bool
    /// Takes what other parts print while the screen is shown.
    package var errorLog: String?

    /// - Parameter environment: gives a variable of the environment.
    package init(
        mouse: Bool = true, color: Bool = true, ascii: Bool = false, errorLog: String? = nil,
        environment: (String) -> String?
    ) {
        self.mouse = mouse
        // no-color.org: any value but an empty one.
        self.color = color && (environment("NO_COLOR") ?? "").isEmpty
        let isLinuxConsole = environment("TERM")?.hasPrefix("linux") == true
        // The Linux console's font has few of the glyphs.
        self.ascii = ascii || isLinuxConsole
        dim = !isLinuxConsole
        self.errorLog = errorLog
    }

    var screen: ScreenOptions { ScreenOptions(mouse: mouse, colors: color, dim: dim, errorLog: errorLog) }
}

/// What the menu may offer on this machine and terminal.
package struct MachineFacts: Sendable, Hashable {
    /// Of a guest, without being asked.
    package enum Opening: Sendable, Hashable {
        case nothing, window, console
    }

    /// Whether windows can be opened.
    package var hasDisplay: Bool
    /// Whether Ctrl-Z may lead back to a shell.
    package var mayShowShell: Bool
    /// Where what other parts print goes.
    package var errorLog: String

    /// Of UTC: the log's times are the user's own.
    package var secondsEast: Int64
    /// What is opened of a guest that was booted here as soon as it runs.
    package var opening: Opening

    package init(
        hasDisplay: Bool = false, mayShowShell: Bool = true, errorLog: String = "", secondsEast: Int64 = 0,
        opening: Opening = .nothing
    ) {
        self.hasDisplay = hasDisplay
        self.mayShowShell = mayShowShell
        self.errorLog = errorLog
        self.secondsEast = secondsEast
        self.opening = opening
    }
}
