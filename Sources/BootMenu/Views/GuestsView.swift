import Boot
import Curses

/// The running guests.
enum GuestsView {
    static func draw(_ state: MenuState, _ layout: Layout, on page: inout Page) {
        let width = page.size.columns
        let inner = layout.innerWidth(width)
        if layout.isBoxed {
            page.box(top: layout.bodyTop, left: 0, width: width, height: layout.bodyHeight, title: "Running guests")
        }
        if state.guests.isEmpty {
            page.put(
                "No guest is running; press Enter on a system to boot it.", row: layout.listTop,
                column: layout.innerLeft + 2,
                width: inner - 2)
        }
        for offset in 0..<layout.listHeight {
            let index = state.top.position.top + offset
            guard state.guests.indices.contains(index) else { break }
            let isSelected = index == state.top.position.selected
            let row = layout.listTop + offset
            let cells = cells(state.guests[index], state, isSelected ? page.glyphs.selected : " ", inner)
            page.put(cells, row: row, column: layout.innerLeft, width: inner, selected: isSelected)
            page.hit(.row(index), row: row, columns: 0..<width)
        }
        ScreenBox.draw(
            state, layout, top: layout.listTop + min(layout.listHeight, state.guests.count),
            end: layout.listTop + layout.listHeight, right: layout.innerLeft + inner - 2, on: &page)
        guard layout.stripHeight > 0 else { return }
        let top = layout.listTop + layout.listHeight
        let guest = state.chosenGuest
        page.rule(row: top, left: 0, width: width, title: guest.map { $0.title } ?? "")
        guard let guest else { return }
        if guest.isSuspended {
            return drawSuspended(guest, top: top + 1, height: layout.stripHeight, width: width, on: &page)
        }
        var lines = [
            AboutLine("shell", "oscircular ssh \(guest.id)"), AboutLine("image", guest.status.mount ?? ""),
            AboutLine("console", guest.status.consoleLog),
        ]
        if let ports = guest.status.ports {
            lines.insert(AboutLine("ports", ports.map(\.text).joined(separator: ", ")), at: 1)
        }
        // What stays of it comes before what is only of this run.
        if let home = guest.status.home { lines.insert(AboutLine("home", home), at: 0) }
        if let share = guest.status.share { lines.insert(AboutLine("folder", share.text), at: 0) }
        if let machine = guest.status.machine { lines.insert(AboutLine("machine", machine), at: 0) }
        if guest.status.sharesClipboard == true {
            lines.insert(AboutLine("clipboard", "shared with this desktop"), at: 0)
        }
        let withdrawal = state.withdrawal(of: guest.image)
        if !withdrawal.isEmpty { lines.insert(AboutLine("version", withdrawal), at: 0) }
        if let trouble = guest.status.network { lines.insert(AboutLine("network", trouble.text), at: 0) }
        if let error = guest.status.lastError, error != guest.status.network?.text {
            lines.append(AboutLine("trouble", error))
        }
        if let failure = guest.status.suspension?.failure {
            lines.insert(AboutLine("trouble", "it was not suspended: \(failure)"), at: 0)
        }
        for (offset, line) in lines.prefix(layout.stripHeight).enumerated() where !line.text.isEmpty {
            line.draw(row: top + 1 + offset, column: 2, width: width - 4, on: &page)
        }
    }

    /// What is stored of a suspended guest.
    static func drawSuspended(_ guest: Guest, top: Int, height: Int, width: Int, on page: inout Page) {
        guard let stored = guest.status.suspended else { return }
        let sizes = "\(Format.bytes(stored.memory)) of memory, \(Format.bytes(stored.disk)) of disk"
        var lines = [AboutLine("stored", sizes), AboutLine("since", stored.time)]
        if let home = guest.status.home { lines.insert(AboutLine("home", home), at: 0) }
        if let machine = guest.status.machine { lines.insert(AboutLine("machine", machine), at: 0) }
        if let problem = stored.problem { lines.insert(AboutLine("trouble", problem), at: 0) }
        for (offset, line) in lines.prefix(height).enumerated() {
            line.draw(row: top + offset, column: 2, width: width - 4, on: &page)
        }
    }

    private static func cells(_ guest: Guest, _ state: MenuState, _ marker: String, _ width: Int) -> [RowCell] {
        var cells = [
            RowCell(" \(marker) ", 3), RowCell(guest.label, 14), RowCell(guest.image.version, 12),
            RowCell(StatusText.of(guest, now: state.now), 18, [.accent]),
        ]
        if width >= 60 { cells.append(RowCell(Format.bytes(guest.status.bytesFetched), 10, right: true)) }
        if width >= 72 { cells.append(RowCell(Format.rate(guest.status.rate), 12, right: true)) }
        if width >= 90 {
            cells.append(RowCell(guest.status.accel ?? "", 8, right: true))
            cells.append(RowCell("  " + guest.id, 14, [.dim]))
        }
        return cells
    }
}
