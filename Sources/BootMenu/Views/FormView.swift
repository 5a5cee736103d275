import Curses

/// A form over the screen.
enum FormView {
    static func draw(_ form: Form, on page: inout Page) {
        if form.purpose == .catalog { drawTall(form, on: &page) } else { drawFlat(form, on: &page) }
    }

    /// A row for each field, with what is said of it at the right.
    private static func drawFlat(_ form: Form, on page: inout Page) {
        let size = page.size
        let width = min(size.columns, 76)
        let left = (size.columns - width) / 2
        let isBoxed = size.rows >= 9 && size.columns >= 40
        let inner = isBoxed ? width - 4 : width
        let column = isBoxed ? left + 2 : left
        let text = form.isBusy ? "saving" : form.error
        let errors = text.isEmpty ? [] : page.glyphs.wrap(text, inner, limit: 3)
        // The title's row is the box's upper border.
        let room = size.rows - 2 - 1 - (isBoxed ? 1 : 0) - (errors.isEmpty ? 0 : 1)
        // On a very small screen the fields scroll.
        let count = max(1, min(form.fields.count, room))
        let first = max(0, min(form.focus - count + 1, form.fields.count - count))
        let messages = errors.prefix(max(0, room - count + 1))
        let height = 1 + count + messages.count + (isBoxed ? 1 : 0)
        let top = max(1, (size.rows - height) / 2 - (size.rows >= 16 ? 1 : 0))
        for row in top..<min(size.rows - 1, top + height) { page.clear(row: row) }
        if isBoxed {
            page.box(top: top, left: left, width: width, height: height, title: form.title, style: [.accent])
        } else {
            page.put(form.title, row: top, column: left, width: width, [.bold])
        }
        for (offset, index) in (first..<(first + count)).enumerated() {
            let field = form.fields[index]
            let row = top + 1 + offset
            let isFocused = index == form.focus
            page.put(field.label, row: row, column: column, width: 11, isFocused ? [.bold] : [.dim])
            let rest = inner - 12
            let fieldWidth = field.note.isEmpty || inner < 60 ? rest : 22
            draw(field, row: row, column: column + 12, width: fieldWidth, isFocused: isFocused, on: &page)
            if fieldWidth < rest {
                page.put(
                    field.note, row: row, column: column + 12 + fieldWidth + 2, width: rest - fieldWidth - 2, [.dim])
            }
            page.hit(.field(index), row: row, columns: left..<(left + width))
        }
        for (offset, message) in messages.enumerated() {
            page.put(
                message, row: top + 1 + count + offset, column: column, width: inner,
                form.isBusy ? [.accent] : [.alert, .bold])
        }
    }

    /// Each field in the row below its label.
    private static func drawTall(_ form: Form, on page: inout Page) {
        let size = page.size
        let width = min(size.columns, 72)
        let left = (size.columns - width) / 2
        let isBoxed = size.rows >= 14 && size.columns >= 40
        let height = min(size.rows - 2, isBoxed ? 11 : 5)
        let top = max(1, (size.rows - height) / 2 - 1)
        for row in top..<min(size.rows - 1, top + height) { page.clear(row: row) }
        if isBoxed {
            page.box(top: top, left: left, width: width, height: height, title: form.title, style: [.accent])
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
