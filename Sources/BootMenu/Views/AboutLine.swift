import Curses

/// A line about something: a label and what there is to say, or a text of its own.
struct AboutLine {
    var label = ""
    var text: String
    var style: ScreenStyle = []

    init(_ label: String, _ text: String) {
        self.label = label
        self.text = text
    }

    init(_ text: String, style: ScreenStyle = []) {
        self.text = text
        self.style = style
    }

    static let empty = AboutLine("")

    func draw(row: Int, column: Int, width: Int, on page: inout Page) {
        guard !label.isEmpty else {
            page.put(text, row: row, column: column, width: width, style)
            return
        }
        page.put(label, row: row, column: column, width: min(width, 10), [.dim])
        page.put(text, row: row, column: column + 11, width: max(0, width - 11), style)
    }
}
