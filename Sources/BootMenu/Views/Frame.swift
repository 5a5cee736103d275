import Curses

/// A whole screen, ready to be drawn, and what a click on it would meet.
package struct Frame: Sendable {
    package internal(set) var rows: [[ScreenRun]]
    package internal(set) var areas: [HitArea] = []
    package internal(set) var cursor: (row: Int, column: Int)?

    /// What is at a cell: what was put there last.
    package func target(row: Int, column: Int) -> HitTarget? {
        areas.last { $0.row == row && $0.columns.contains(column) }?.target
    }
}
