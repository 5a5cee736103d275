import Curses

/// How the user wants the menu: the program's flags and the environment.
package struct MenuOptions: Sendable {
    package var mouse: Bool
    package var color: Bool
    package var ascii: Bool
    /// Whether the terminal can show dim text. A Linux console in text mode with a font of 512 characters shows it black on black.
    package var dim: Bool
    /// Pictures of guests' screens; ``PictureSetting/off`` where nothing but ASCII, or no colour, is wanted.
    package var pictures: PictureSetting
    /// The file that takes what other components print while the screen is shown.
    package var errorLog: String?

    /// - Parameter environment: gives a variable of the environment.
    package init(
        mouse: Bool = true, color: Bool = true, ascii: Bool = false, pictures: PictureSetting = .auto,
        errorLog: String? = nil, environment: (String) -> String?
    ) {
        self.mouse = mouse
        // no-color.org: any value but an empty one.
        self.color = color && (environment("NO_COLOR") ?? "").isEmpty
        let isLinuxConsole = environment("TERM")?.hasPrefix("linux") == true
        // The Linux console's font has few of the glyphs.
        self.ascii = ascii || isLinuxConsole
        dim = !isLinuxConsole
        self.pictures = self.color && !self.ascii ? pictures : .off
        self.errorLog = errorLog
    }

    var screen: ScreenOptions {
        ScreenOptions(
            mouse: mouse, colors: color, dim: dim, asksForPictures: pictures == .auto, errorLog: errorLog)
    }
}

/// What the menu may offer on this machine and terminal.
package struct MachineFacts: Sendable, Hashable {
    /// What is opened for a new guest without being asked for.
    package enum Opening: Sendable, Hashable {
        case nothing, window, console
    }

    /// Whether windows can be opened.
    package var hasDisplay: Bool
    /// Whether there is a shell that Ctrl-Z can return to.
    package var mayShowShell: Bool
    /// The file with what other components print; empty for none.
    package var errorLog: String

    /// The local time zone: seconds east of UTC.
    package var secondsEast: Int64
    /// What is opened for a guest as soon as it runs, if it was booted from this menu.
    package var opening: Opening
    /// Whether that was asked for when the menu was started; what is set for a system does not change it then.
    package var isOpeningAsked: Bool
    /// Whether the rest of a vendor's file is fetched while its guest runs, so that it can be verified.
    package var fetchesRest: Bool

    package init(
        hasDisplay: Bool = false, mayShowShell: Bool = true, errorLog: String = "", secondsEast: Int64 = 0,
        opening: Opening = .nothing, isOpeningAsked: Bool = false, fetchesRest: Bool = true
    ) {
        self.hasDisplay = hasDisplay
        self.mayShowShell = mayShowShell
        self.errorLog = errorLog
        self.secondsEast = secondsEast
        self.opening = opening
        self.isOpeningAsked = isOpeningAsked
        self.fetchesRest = fetchesRest
    }
}
