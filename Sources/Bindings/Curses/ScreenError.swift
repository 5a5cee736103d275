/// Why the screen cannot be had.
package enum ScreenError: Error, Sendable, Equatable {
    /// Standard input or output is no terminal.
    case noTerminal
    /// TERM is not set, or no terminal of that name is known.
    case unknownTerminal(String?)
    /// The terminal cannot place its cursor.
    case tooSimple(String)
    /// ncurses did not start.
    case failed
}
