/// A picture of pixels on the screen, over cells that ncurses takes for empty.
package struct PlacedPicture: Sendable, Equatable {
    /// The cells that it covers, from 0.
    package let rows: Range<Int>
    package let columns: Range<Int>
    /// What makes the terminal draw it, with the cursor in its first cell; the cursor may be anywhere afterwards.
    package let drawing: [UInt8]
    /// What removes it; empty where writing over its cells does.
    package let removal: [UInt8]

    package init(rows: Range<Int>, columns: Range<Int>, drawing: [UInt8], removal: [UInt8] = []) {
        (self.rows, self.columns) = (rows, columns)
        (self.drawing, self.removal) = (drawing, removal)
    }

    /// All that is sent for it: the terminal's own cursor is where it was afterwards.
    var sequence: [UInt8] {
        Array("\u{1b}7\u{1b}[\(rows.lowerBound + 1);\(columns.lowerBound + 1)H".utf8) + drawing + Array("\u{1b}8".utf8)
    }
}

/// Pixels of one cell.
package struct CellSize: Sendable, Hashable {
    package var width: Int
    package var height: Int

    package init(width: Int, height: Int) { (self.width, self.height) = (width, height) }

    /// From a terminal's size in pixels and cells; nil where that gives no cell of a size that fonts have.
    init?(pixels: (width: Int, height: Int), of size: ScreenSize) {
        guard size.columns > 0, size.rows > 0 else { return nil }
        let (width, height) = (pixels.width / size.columns, pixels.height / size.rows)
        guard (4...100).contains(width), (6...200).contains(height) else { return nil }
        self.init(width: width, height: height)
    }
}
