import Curses

/// A frame that is being composed.
struct Page {
    let size: ScreenSize
    let glyphs: Glyphs
    private(set) var frame: Frame

    init(size: ScreenSize, glyphs: Glyphs) {
        self.size = size
        self.glyphs = glyphs
        frame = Frame(rows: Array(repeating: [], count: size.rows))
    }

    /// Puts text at a cell, clipped to `width` cells and to the screen.
    /// - Returns: the cells it took.
    @discardableResult
    mutating func put(_ text: String, row: Int, column: Int, width: Int? = nil, _ style: ScreenStyle = []) -> Int {
        guard frame.rows.indices.contains(row), column >= 0 else { return 0 }
        let room = min(width ?? Int.max, size.columns - column)
        let (shown, used) = glyphs.clip(text, to: room)
        if !shown.isEmpty { frame.rows[row].append(ScreenRun(column: column, text: shown, style: style)) }
        return used
    }

    /// Puts the cells of a row next to each other.
    mutating func put(_ cells: [RowCell], row: Int, column: Int, width: Int, selected: Bool = false) {
        var at = column
        for cell in cells {
            let room = min(cell.width, column + width - at)
            guard room > 0 else { break }
            let text = glyphs.fit(cell.text, room, right: cell.isRight)
            // A chosen row is in reverse video as a whole, whatever style its cells have.
            put(text, row: row, column: at, width: room, selected ? [.reverse] : cell.style)
            at += room
        }
        if selected, at < column + width {
            put(String(repeating: " ", count: column + width - at), row: row, column: at, [.reverse])
        }
    }

    /// Puts a row of a picture, whose runs begin at column 0 and fit.
    mutating func put(_ runs: [ScreenRun], row: Int, column: Int) {
        guard frame.rows.indices.contains(row) else { return }
        frame.rows[row] += runs.map { ScreenRun(column: $0.column + column, text: $0.text, colors: $0.colors) }
    }

    /// Leaves cells to a picture of pixels.
    mutating func setPicture(_ area: PictureArea) { frame.picture = area }

    mutating func clear(row: Int) {
        guard frame.rows.indices.contains(row) else { return }
        frame.rows[row] = []
        frame.areas.removeAll { $0.row == row }
    }

    mutating func hit(_ target: HitTarget, row: Int, columns: Range<Int>) {
        frame.areas.append(HitArea(row: row, columns: columns, target: target))
    }

    mutating func setCursor(row: Int, column: Int) { frame.cursor = (row, min(column, size.columns - 1)) }

    // MARK: Boxes

    /// A border around empty rows.
    mutating func box(top: Int, left: Int, width: Int, height: Int, title: String, style: ScreenStyle = [.dim]) {
        guard width >= 2, height >= 2 else { return }
        edge(row: top, left: left, width: width, title: title, glyphs.topLeft, glyphs.topRight, style)
        for row in (top + 1)..<(top + height - 1) {
            put(glyphs.vertical, row: row, column: left, style)
            put(glyphs.vertical, row: row, column: left + width - 1, style)
        }
        edge(row: top + height - 1, left: left, width: width, title: "", glyphs.bottomLeft, glyphs.bottomRight, style)
    }

    /// A line across a box.
    mutating func rule(row: Int, left: Int, width: Int, title: String) {
        frame.rows[row].removeAll { $0.column >= left && $0.column < left + width }
        edge(row: row, left: left, width: width, title: title, glyphs.teeLeft, glyphs.teeRight, [.dim])
    }

    /// Text in the lower border of a box, at the right.
    mutating func footer(row: Int, left: Int, width: Int, text: String) {
        frame.rows[row].removeAll { $0.column >= left && $0.column < left + width }
        let at = left + width - glyphs.width(text) - 3
        put(glyphs.bottomLeft, row: row, column: left, [.dim])
        put(String(repeating: glyphs.horizontal, count: max(0, at - left - 1)), row: row, column: left + 1, [.dim])
        put(text, row: row, column: at, [.dim])
        put(glyphs.horizontal + glyphs.horizontal + glyphs.bottomRight, row: row, column: left + width - 3, [.dim])
    }

    private mutating func edge(
        row: Int, left: Int, width: Int, title: String, _ start: String, _ end: String, _ style: ScreenStyle
    ) {
        var at = left + put(start, row: row, column: left, style)
        if !title.isEmpty && width > 6 {
            at += put(" ", row: row, column: at, style)
            at += put(title, row: row, column: at, width: width - 5, [.bold])
            at += put(" ", row: row, column: at, style)
        }
        let rest = left + width - 1 - at
        if rest > 0 { put(String(repeating: glyphs.horizontal, count: rest), row: row, column: at, style) }
        put(end, row: row, column: left + width - 1, style)
    }
}

/// One column's text in a row of a list.
struct RowCell {
    var text: String
    /// In cells, with the gap to the next column.
    var width: Int
    var style: ScreenStyle = []
    var isRight = false

    init(_ text: String, _ width: Int, _ style: ScreenStyle = [], right: Bool = false) {
        self.text = text
        self.width = width
        self.style = style
        isRight = right
    }
}

/// A whole screen, ready to be drawn, and what a click on it would hit.
package struct Frame: Sendable {
    package internal(set) var rows: [[ScreenRun]]
    package internal(set) var areas: [HitArea] = []
    package internal(set) var cursor: (row: Int, column: Int)?
    /// Where the picture of a guest's screen lies, if it is one of pixels.
    package internal(set) var picture: PictureArea?

    /// The target at a cell: the one that was put there last.
    package func target(row: Int, column: Int) -> HitTarget? {
        areas.last { $0.row == row && $0.columns.contains(column) }?.target
    }
}

/// Cells that can be clicked.
package struct HitArea: Sendable, Hashable {
    package let row: Int
    package let columns: Range<Int>
    package let target: HitTarget
}
