import Curses

/// The form for a new catalog, over the screen.
enum FormView {
    static func draw(_ form: CatalogForm, on page: inout Page) {
        let size = page.size
        let width = min(size.columns, 72)
        let left = (size.columns - width) / 2
        let isBoxed = size.rows >= 14 && size.columns >= 40
        let height = min(size.rows - 2, isBoxed ? 11 : 5)
        let top = max(1, (size.rows - height) / 2 - 1)
        for row in top..<min(size.rows - 1, top + height) { page.clear(row: row) }
        if isBoxed {
            page.box(top: top, left: left, width: width, height: height, title: "Follow a catalog", style: [.accent])
        }
        let inner = isBoxed ? width - 4 : width
        let column = isBoxed ? left + 2 : left
        var row = top + (isBoxed ? 1 : 0)
        for (index, field) in form.fields.enumerated() {
            if isBoxed {
                page.put(field.label, row: row, column: column, width: inner, index == form.focus ? [.bold] : [.dim])
                row += 1
                draw(field, row: row, column: column, width: inner, isFocused: index == form.focus, on: &page)
            } else {
                let label = "\(field.label.prefix(7)): "
                let used = page.put(label, row: row, column: column, [.dim])
                draw(
                    field, row: row, column: column + used, width: inner - used, isFocused: index == form.focus,
                    on: &page)
            }
            page.hit(.field(index), row: row, columns: left..<(left + width))
            row += 1
        }
        guard row < size.rows - 1 else { return }
        let text = form.isBusy ? "contacting the server" : form.error
        page.put(
            text, row: row + (isBoxed ? 1 : 0), column: column, width: inner,
            form.isBusy ? [.accent] : [.alert, .bold])
    }

    private static func draw(
        _ field: TextField, row: Int, column: Int, width: Int, isFocused: Bool, on page: inout Page
    ) {
        let (shown, before) = FieldWindow.of(field, width: width - 1, glyphs: page.glyphs)
        page.put(
            page.glyphs.fit(shown, width), row: row, column: column, isFocused ? [.underline] : [.underline, .dim])
        if isFocused { page.setCursor(row: row, column: column + before) }
    }
}

/// The search field, in the place of the message.
enum FindView {
    static func draw(_ field: TextField, _ layout: Layout, on page: inout Page) {
        let row = page.size.rows - (layout.hasMessageRow ? 2 : 1)
        page.clear(row: row)
        let label = page.put("Find: ", row: row, column: 1, [.bold])
        let width = page.size.columns - 2 - label
        let (shown, before) = FieldWindow.of(field, width: width - 1, glyphs: page.glyphs)
        page.put(shown, row: row, column: 1 + label, width: width)
        page.setCursor(row: row, column: 1 + label + before)
    }
}

/// The visible part of a field's text, around its cursor.
enum FieldWindow {
    /// - Returns: the part of the text that fits, and the number of cells before the cursor in it.
    static func of(_ field: TextField, width: Int, glyphs: Glyphs) -> (text: String, before: Int) {
        var start = 0
        var before = glyphs.width(String(field.characters[..<field.cursor]))
        while before > width && start < field.cursor {
            before -= glyphs.width(String(field.characters[start]))
            start += 1
        }
        return (String(field.characters[start...]), before)
    }
}
