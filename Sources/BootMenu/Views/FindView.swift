import Curses

/// What is looked for, in the message's place.
enum FindView {
    static func draw(_ field: TextField, _ layout: Layout, on page: inout Page) {
        let row = page.size.rows - (layout.hasMessageRow ? 2 : 1)
        page.clear(row: row)
        let label = page.put("Find: ", row: row, column: 1, [.bold])
        let width = page.size.columns - 2 - label
        let (shown, before) = FieldWindow.of(field, width: width - 1, signs: page.signs)
        page.put(shown, row: row, column: 1 + label, width: width)
        page.setCursor(row: row, column: 1 + label + before)
    }
}
