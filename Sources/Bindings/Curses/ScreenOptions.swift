/// How to use the screen.
package struct ScreenOptions: Sendable {
    /// Whether the terminal reports clicks and the wheel.
    package var mouse: Bool
    /// Whether colours may be used where the terminal has them.
    package var colors: Bool
    /// Whether dim text is dim; otherwise it looks like other text.
    package var dim: Bool
    /// Whether the terminal is asked which pictures it can show.
    package var asksForPictures: Bool
    /// The file that takes what is printed while the screen is shown; nil discards it.
    package var errorLog: String?

    package init(
        mouse: Bool = true, colors: Bool = true, dim: Bool = true, asksForPictures: Bool = false,
        errorLog: String? = nil
    ) {
        self.mouse = mouse
        self.colors = colors
        self.dim = dim
        self.asksForPictures = asksForPictures
        self.errorLog = errorLog
    }
}

/// Why the screen could not be opened.
package enum ScreenError: Error, Sendable, Equatable {
    /// Standard input or output is not a terminal.
    case noTerminal
    /// TERM is not set, or its terminal is unknown.
    case unknownTerminal(String?)
    /// The terminal cannot move its cursor.
    case tooSimple(String)
    /// ncurses did not start.
    case failed
}
