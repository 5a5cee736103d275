import Curses

/// A dialog over the screen; the rows that it needs are cleared.
enum DialogView {
    static func draw(_ dialog: Dialog, on page: inout Page) {
        let size = page.size
        let width = max(20, min(size.columns, 66))
        let isBoxed = size.rows >= 9 && size.columns >= 40
        let inner = isBoxed ? width - 4 : width
        let buttons = flow(dialog, inner, page.glyphs)
        // Title, buttons and, in a box, its lower border; the hint line stays.
        let room = size.rows - 2 - 1 - buttons.count - (isBoxed ? 1 : 0)
        let texts = room > 0 ? page.glyphs.wrap(dialog.text, inner, limit: room) : []
        let hasGap = texts.count < room
        let height = 1 + texts.count + (hasGap ? 1 : 0) + buttons.count + (isBoxed ? 1 : 0)
        let top = max(1, (size.rows - height) / 2 - (size.rows >= 16 ? 1 : 0))
        let left = max(0, (size.columns - width) / 2)
        for row in top..<min(size.rows - 1, top + height) { page.clear(row: row) }
        if isBoxed {
            page.box(top: top, left: left, width: width, height: height, title: dialog.title, style: [.accent])
        } else {
            page.put(dialog.title, row: top, column: left, width: width, [.bold])
        }
        let column = left + (isBoxed ? 2 : 0)
        for (offset, text) in texts.enumerated() { page.put(text, row: top + 1 + offset, column: column, width: inner) }
        let buttonTop = top + 1 + texts.count + (hasGap ? 1 : 0)
        for (offset, row) in buttons.enumerated() where buttonTop + offset < size.rows - 1 {
            for button in row {
                let isChosen = button.index == dialog.selected
                let used = page.put(
                    button.label, row: buttonTop + offset, column: column + button.column, width: inner,
                    isChosen ? [.reverse, .bold] : [])
                let start = column + button.column
                page.hit(.button(button.index), row: buttonTop + offset, columns: start..<(start + max(1, used)))
            }
        }
    }

    private struct PlacedButton {
        let index: Int
        let label: String
        let column: Int
    }

    /// The buttons in as many rows as they need.
    private static func flow(_ dialog: Dialog, _ width: Int, _ glyphs: Glyphs) -> [[PlacedButton]] {
        var rows: [[PlacedButton]] = [[]]
        var at = 0
        for (index, button) in dialog.buttons.enumerated() {
            let label = "[ \(button.label) ]"
            let needed = glyphs.width(label)
            if at > 0 && at + needed > width {
                rows.append([])
                at = 0
            }
            rows[rows.count - 1].append(PlacedButton(index: index, label: label, column: at))
            at += needed + 2
        }
        return rows
    }
}
