import CNcurses

/// Gives the terminal back when nothing else can: in a crash, or when the screen's thread hangs.
///
/// The only file that uses these C functions: each object file would have its own copy of their state.
package enum TerminalUndo {
    /// Notes the terminal's modes as they are now.
    static func arm(descriptor: Int32) { osc_arm_undo(descriptor) }

    /// The terminal has been given back.
    static func disarm() { osc_disarm_undo() }

    /// Restores the terminal at once, from any thread; does nothing when no screen is shown.
    package static func run() { osc_restore_terminal() }
}
