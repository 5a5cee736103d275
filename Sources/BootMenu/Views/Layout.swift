import Curses

/// Where things go on a screen of this size. 80x24 is complete; less shows less, more shows two panes.
package struct Layout: Sendable {
    package let size: ScreenSize
    let state: MenuState

    init(_ state: MenuState) {
        self.state = state
        size = state.size
    }

    /// Too small for anything but a line that says so.
    package var isTiny: Bool { size.columns < 24 || size.rows < 5 }
    /// Whether there is room for borders.
    var isBoxed: Bool { size.columns >= 50 && size.rows >= 14 }
    var hasMessageRow: Bool { size.rows >= 10 }
    /// Whether the chosen system is described beside the list of systems.
    var hasTwoPanes: Bool { isBoxed && size.columns >= 100 && state.top.screen.kind == .systems }
    /// Lines about the chosen row, below a list.
    var stripHeight: Int {
        guard isBoxed, size.rows >= 20, !hasTwoPanes else { return 0 }
        switch state.top.screen.kind {
        case .systems, .versions, .guests: return 4
        default: return 0
        }
    }
    /// Running guests, below the list of systems.
    var runningHeight: Int {
        guard isBoxed, size.rows >= 18, state.top.screen.kind == .systems else { return 0 }
        return min(state.guests.count, size.rows >= 30 ? 6 : 3)
    }
    /// Lines above the list of the cache, or of a machine's snapshots.
    var headHeight: Int {
        switch state.top.screen {
        case .cache: return size.rows >= 10 ? 3 : 1
        case .machine(let name):
            let wanted = MachineView.facts(state, name, width: innerWidth(size.columns) - 2, glyphs: .unicode).count + 1
            // At least some snapshots are seen.
            return max(1, min(wanted, bodyHeight - (isBoxed ? 2 : 0) - (size.rows >= 14 ? 4 : 1)))
        case .bisect(let name):
            let wanted = BisectView.head(state, name, width: innerWidth(size.columns) - 2, glyphs: .unicode).count + 1
            // As above.
            return max(1, min(wanted, bodyHeight - (isBoxed ? 2 : 0) - (size.rows >= 14 ? 6 : 1)))
        default: return 0
        }
    }

    let bodyTop = 1
    /// Rows between title and message.
    var bodyHeight: Int { max(0, size.rows - 2 - (hasMessageRow ? 1 : 0)) }
    /// The first row of the list.
    var listTop: Int { bodyTop + (isBoxed ? 1 : 0) + headHeight }
    /// Rows of the list.
    package var listHeight: Int {
        let strip = stripHeight > 0 ? stripHeight + 1 : 0
        let running = runningHeight > 0 ? runningHeight + 1 : 0
        return max(1, bodyHeight - (isBoxed ? 2 : 0) - headHeight - strip - running)
    }
    /// Columns of the left pane, or of the only one.
    var listWidth: Int { hasTwoPanes ? max(narrowest, min(size.columns * 48 / 100, 96)) : size.columns }
    /// Vendors' names are longer.
    private var narrowest: Int { state.groups.isEmpty ? 54 : 60 }
    /// The first column within the border, and how many there are.
    var innerLeft: Int { isBoxed ? 1 : 0 }
    func innerWidth(_ outer: Int) -> Int { max(0, isBoxed ? outer - 2 : outer) }

    /// Columns and rows of the picture of an image on a guest's screen.
    package var pictureSize: ScreenSize {
        let rows = bodyHeight - 9
        guard rows >= 2, size.columns >= 40 else { return ScreenSize(columns: 0, rows: 0) }
        return ScreenSize(columns: max(1, size.columns - 8 - screenBoxWidth), rows: min(rows, 8))
    }

    /// Columns of a screen of text.
    var textWidth: Int { max(1, innerWidth(size.columns) - 2) }
    /// Lines of the shown text.
    var textRows: Int { TextScreens.lines(state, width: textWidth, glyphs: .unicode).count }
}
