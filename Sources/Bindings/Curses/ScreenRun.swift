/// Text of one style, placed in a row.
package struct ScreenRun: Sendable, Hashable {
    /// The first cell, from 0.
    package var column: Int
    package var text: String
    package var style: ScreenStyle
    /// Colours of its own, for pictures; nil for those of the style.
    package var colors: ScreenColors?

    package init(column: Int, text: String, style: ScreenStyle = [], colors: ScreenColors? = nil) {
        self.column = column
        self.text = text
        self.style = style
        self.colors = colors
    }
}

/// Two of the terminal's colours, by their numbers; on a terminal of 2^24 colours the number is red, green and blue.
package struct ScreenColors: Sendable, Hashable {
    /// Of the signs, and of what is behind them.
    package var ink: Int32
    package var ground: Int32

    package init(ink: Int32, ground: Int32) { (self.ink, self.ground) = (ink, ground) }
}

/// How text looks. Colours come on top of the terminal's own.
package struct ScreenStyle: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let bold = ScreenStyle(rawValue: 1)
    package static let dim = ScreenStyle(rawValue: 2)
    package static let reverse = ScreenStyle(rawValue: 4)
    package static let underline = ScreenStyle(rawValue: 8)
    /// The one accent colour.
    package static let accent = ScreenStyle(rawValue: 16)
    /// Red: for what failed.
    package static let alert = ScreenStyle(rawValue: 32)
}

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
    /// From the variables LINES and COLUMNS; nil unless both are possible sizes of a terminal.
    package init?(lines: String?, columns: String?) {
        let possible = 1...1000
        guard let rows = lines.flatMap({ Int($0) }), let columns = columns.flatMap({ Int($0) }),
            possible.contains(rows),
            possible.contains(columns)
        else { return nil }
        self.init(columns: columns, rows: rows)
    }
}
