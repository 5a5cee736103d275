import Curses

/// A question over the screen; the rows it needs give way as a whole.
enum DialogView {
    static func draw(_ dialog: Dialog, on page: inout Page) {
        let size = page.size
        let width = max(20, min(size.columns, 66))
        let isBoxed = size.rows >= 9 && size.columns >= 40
        let inner = isBoxed ? width - 4 : width - 2
        let room = size.rows - 3 - (isBoxed ? 2 : 0)
        let texts = page.signs.wrap(dialog.text, inner, limit: max(1, room - 2))
        let height = texts.count + 3 + (isBoxed ? 1 : 0)
        let top = max(1, (size.rows - height) / 2 - (size.rows >= 16 ? 1 : 0))
        let left = max(0, (size.columns - width) / 2)
        for row in top..<min(size.rows - 1, top + height) { page.clear(row: row) }
        var row = top + 1
        if isBoxed {
            page.box(top: top, left: left, width: width, height: height, title: dialog.title, style: [.accent])
        } else {
            page.put(dialog.title, row: top, column: left, width: width, [.bold])
        }
        for text in texts {
            page.put(text, row: row, column: left + (isBoxed ? 2 : 0), width: inner)
            row += 1
        }
        // Buttons that do not fit beside each other stand below each other's place: the chosen one is always shown.
        let labels = dialog.buttons.map { "[ \($0.label) ]" }
        let needed = labels.reduce(0) { $0 + page.signs.width($1) + 2 }
        var at = left + (isBoxed ? 2 : 0)
        let buttonRow = row + (row + 1 < top + height - (isBoxed ? 1 : 0) ? 1 : 0)
        for (index, label) in labels.enumerated() where needed <= inner + 2 || index == dialog.selected {
            let start = at
            at += page.put(label, row: buttonRow, column: at, index == dialog.selected ? [.reverse, .bold] : [])
            page.hit(.button(index), row: buttonRow, columns: start..<max(at, start + 1))
            at += 2
        }
    }
}
