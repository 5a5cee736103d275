/// Text of one style, placed in a row.
package struct ScreenRun: Sendable, Hashable {
    /// The first cell, from 0.
    package var column: Int
    package var text: String
    package var style: ScreenStyle

    package init(column: Int, text: String, style: ScreenStyle = []) {
        self.column = column
        self.text = text
        self.style = style
    }
}
