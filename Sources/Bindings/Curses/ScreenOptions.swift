/// How the screen shall be used.
package struct ScreenOptions: Sendable {
    /// Whether the terminal reports clicks and the wheel.
    package var mouse: Bool
    /// Whether colours may be used where the terminal has them.
    package var colors: Bool
    /// Whether dim text is dim; it looks like other text if not.
    package var dim: Bool
    /// Takes what anything prints while the screen is shown; nil throws it away.
    package var errorLog: String?

    package init(mouse: Bool = true, colors: Bool = true, dim: Bool = true, errorLog: String? = nil) {
        self.mouse = mouse
        self.colors = colors
        self.dim = dim
        self.errorLog = errorLog
    }
}
