/// Where a list stands: the row that is chosen and the first one that is shown.
package struct ListPosition: Sendable, Hashable {
    package private(set) var selected = 0
    package private(set) var top = 0

    /// Chooses a row, and shows it among `height` rows.
    mutating func select(_ row: Int, of count: Int, height: Int) {
        selected = max(0, min(row, count - 1))
        let height = max(1, height)
        if selected < top { top = selected }
        if selected >= top + height { top = selected - height + 1 }
        top = max(0, min(top, count - height))
    }

    /// Moves what is shown of a text without choosing.
    mutating func scroll(to row: Int, of count: Int, height: Int) {
        top = max(0, min(row, count - max(1, height)))
        selected = top
    }
}
