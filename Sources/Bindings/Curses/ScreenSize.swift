/// A terminal's size in cells.
package struct ScreenSize: Sendable, Hashable {
    package var columns: Int
    package var rows: Int

    package init(columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
    }
}

extension ScreenSize {
    /// Of the variables LINES and COLUMNS; nil unless both are numbers that a terminal can have.
    package init?(lines: String?, columns: String?) {
        let possible = 1...1000
        guard let rows = lines.flatMap({ Int($0) }), let columns = columns.flatMap({ Int($0) }),
            possible.contains(rows),
            possible.contains(columns)
        else { return nil }
        self.init(columns: columns, rows: rows)
    }
}
