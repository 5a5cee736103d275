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
