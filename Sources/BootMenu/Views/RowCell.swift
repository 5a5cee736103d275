import Curses

/// One column's text in a row of a list.
struct RowCell {
    var text: String
    /// Cells, the gap to the next column included.
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
