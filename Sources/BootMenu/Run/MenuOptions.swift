import Curses

/// How the user wants the menu: the program's flags and the environment.
package struct MenuOptions: Sendable {
    package var mouse: Bool
    package var color: Bool
    package var ascii: Bool
    /// Whether the terminal can show dim text. A Linux console in text mode with a font of 512 signs shows it black on black.
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
        // The Linux console's font lacks most signs.
        self.ascii = ascii || isLinuxConsole
        dim = !isLinuxConsole
        self.errorLog = errorLog
    }

    var screen: ScreenOptions { ScreenOptions(mouse: mouse, colors: color, dim: dim, errorLog: errorLog) }
}
