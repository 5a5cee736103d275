import Boot
import Curses

/// An image as a picture of cells.
enum BlockPicture {
    /// One row of it. Signs differ, not only colours.
    static func draw(_ cells: ArraySlice<BlockMap.Cell>, row: Int, column: Int, on page: inout Page) {
        var start = cells.startIndex
        while start < cells.endIndex {
            let kind = cells[start]
            let end = cells[start...].firstIndex { $0 != kind } ?? cells.endIndex
            let text = String(repeating: page.signs.sign(of: kind), count: end - start)
            page.put(text, row: row, column: column + start - cells.startIndex, style(kind))
            start = end
        }
    }

    static func legend(_ signs: Signs) -> String {
        "\(signs.here) here  \(signs.read) read by the guest  \(signs.arriving) arriving  \(signs.missing) on the server  \(signs.hole) empty"
    }

    private static func style(_ cell: BlockMap.Cell) -> ScreenStyle {
        switch cell {
        case .here, .read: [.accent]
        case .arriving: [.bold]
        case .missing: []
        case .hole: [.dim]
        }
    }
}
