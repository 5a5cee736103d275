import Boot
import Curses

/// One guest: how far its start is, and a picture of its image as it arrives.
enum GuestView {
    static func draw(_ state: MenuState, _ layout: Layout, on page: inout Page) {
        let width = page.size.columns
        guard let guest = state.guest(on: state.top.screen) ?? waiting(state) else {
            page.put("This guest has ended.", row: 2, column: 2)
            return
        }
        if guest.isSuspended {
            let top = layout.bodyTop + 1
            return GuestsView.drawSuspended(guest, top: top, height: layout.bodyHeight - 1, width: width, on: &page)
        }
        let status = guest.status
        let failure = launch(state)?.failure
        var row = layout.bodyTop + (layout.size.rows >= 16 ? 1 : 0)
        let end = layout.bodyTop + layout.bodyHeight
        for phase in SessionStatus.Phase.allCases where phase != .up && row < end {
            let isDone = status.phase > phase
            let isCurrent = status.phase == phase
            let mark =
                isDone
                ? page.glyphs.done : isCurrent ? (failure == nil ? page.glyphs.current : page.glyphs.failed) : " "
            page.put(mark, row: row, column: 2, isDone ? [.accent] : isCurrent && failure != nil ? [.alert] : [.bold])
            page.put(name(phase), row: row, column: 4, width: 9, isDone || isCurrent ? [] : [.dim])
            let text = isDone || isCurrent ? stageText(phase, guest, state) : ""
            var at = 14 + page.put(text, row: row, column: 14, width: width - 15)
            if phase == .bootSet, isCurrent || isDone, let bootSet = status.bootSet, bootSet.blocks > 0 {
                at = max(at + 2, min(58, width - 22))
                let bar = page.glyphs.bar(
                    done: UInt64(bootSet.done), total: UInt64(bootSet.blocks), cells: min(30, width - at - 2))
                page.put(bar, row: row, column: at, [.accent])
            }
            row += 1
        }
        let withdrawal = state.withdrawal(of: guest.image)
        if !withdrawal.isEmpty, row < end {
            page.put("version", row: row, column: 4, width: 9, [.alert])
            page.put(withdrawal, row: row, column: 14, width: width - 15)
            row += 1
        }
        let about = [
            ("trust", TrustText.of(status)), ("machine", status.machine ?? launch(state)?.wishes.machine),
            ("home", status.home), ("folder", status.share?.text),
            ("ports", status.ports.map { $0.map(\.text).joined(separator: ", ") }),
            ("instead", status.rolledBackFrom.map { "of \($0.version), which \($0.reason)" }),
            ("clipboard", status.sharesClipboard == true ? "shared with this desktop" : nil),
            ("USB", status.usb?.joined(separator: ", ")),
        ]
        for case (let label, let text?) in about where row < end {
            page.put(label, row: row, column: 4, width: 9, [.dim])
            page.put(text, row: row, column: 14, width: width - 15)
            row += 1
        }
        if let trouble = status.network {
            for (offset, line) in page.glyphs.wrap(trouble.text, max(1, width - 16), limit: 3).enumerated()
            where row < end {
                if offset == 0 { page.put("network", row: row, column: 4, width: 9, [.alert]) }
                page.put(line, row: row, column: 14, width: width - 15)
                row += 1
            }
        }
        row = drawFigures(status, failure, top: row, end: end, on: &page)
        drawPicture(state, guest.id, layout, top: row + 1, end: end, on: &page)
        ScreenBox.draw(state, layout, top: row + 1, end: end, right: width - 3, on: &page)
    }

    /// The text at the right of the title line.
    static func stateText(_ state: MenuState) -> String {
        if launch(state)?.failure != nil { return "failed" }
        guard let guest = state.guest(on: state.top.screen) else {
            return launch(state)?.isStarting == true ? "booting" : ""
        }
        return guest.status.phase == .up ? StatusText.of(guest, now: state.now) : "booting"
    }

    private static func launch(_ state: MenuState) -> Launch? {
        guard case .launch(let number) = state.top.screen else { return nil }
        return state.launches[number]
    }

    /// A launch whose session has not answered yet, or never did.
    private static func waiting(_ state: MenuState) -> Guest? {
        guard let launch = launch(state), !launch.isUp else { return nil }
        return Guest(
            SessionStatus(
                id: "", catalog: launch.image.catalog, distribution: launch.image.distribution,
                version: launch.image.version, state: .starting, phase: .catalog, pid: 0, started: "", consoleLog: ""))
    }

    private static func name(_ phase: SessionStatus.Phase) -> String {
        switch phase {
        case .catalog: "catalog"
        case .index: "index"
        case .mount: "mount"
        case .bootSet: "boot set"
        case .guest, .up: "guest"
        }
    }

    private static func stageText(_ phase: SessionStatus.Phase, _ guest: Guest, _ state: MenuState) -> String {
        let status = guest.status
        switch phase {
        case .catalog:
            let trust = state.catalog(status.catalog)?.trust ?? ""
            return trust.isEmpty ? status.catalog : "\(status.catalog), \(trust)"
        case .index:
            if let download = status.download {
                if download.stage == .wait { return "waiting for another session, which unpacks the same file" }
                let word = download.stage == .unpack ? "unpacking" : "downloading"
                let figures = "\(word) \(Format.bytes(download.done)) of \(Format.bytes(download.total))"
                return "\(figures); it cannot start before"
            }
            guard status.blocks > 0 else { return status.phase == .index ? "fetching" : "" }
            let size = state.version(guest.image)?.whole.map { ", \(Format.bytes($0))" } ?? ""
            return "\(Format.several(status.blocks, "block"))\(size)"
        case .mount:
            return status.mount == nil
                ? "mounting" : "\(Format.count(status.blocksHere)) of \(Format.several(status.blocks, "block")) cached"
        case .bootSet:
            if let bootSet = status.bootSet, bootSet.blocks > 0 {
                let (total, done) = (bootSet.blocks, min(bootSet.blocks, bootSet.done))
                // The download for the whole boot set is known; what is left is taken to be in proportion.
                let rest = (state.version(guest.image)?.toBoot).map { $0 / UInt64(total) * UInt64(total - done) } ?? 0
                return [
                    "\(Format.count(done)) of \(Format.several(total, "block"))", Format.rate(status.rate),
                    Format.remaining(rest, rate: status.rate),
                ].filter { !$0.isEmpty }.joined(separator: "   ")
            }
            return status.phase == .bootSet ? "fetching what the start needs" : "streaming as the guest reads"
        case .guest, .up:
            let speed =
                status.emulated.map { " (\($0) runs by emulation: slow)" }
                ?? (status.accel == "tcg" ? " (software emulation: slow)" : "")
            let start = status.startText.map { ", \($0)" } ?? ""
            return status.phase == .up ? StatusText.of(guest, now: state.now) + start + speed : "starting\(speed)"
        }
    }

    /// - Returns: the next free row.
    private static func drawFigures(
        _ status: SessionStatus, _ failure: String?, top: Int, end: Int, on page: inout Page
    ) -> Int {
        var row = top
        let width = page.size.columns
        let figures = [
            "\(Format.bytes(status.bytesFetched)) downloaded",
            "\(Format.bytes(status.bytesFromCache)) from the cache",
            Format.rate(status.rate),
        ].filter { !$0.isEmpty }.joined(separator: ", ")
        if row < end {
            page.put("traffic", row: row, column: 4, width: 9, [.dim])
            page.put(figures, row: row, column: 14, width: width - 15)
            row += 1
        }
        if let trouble = failure ?? status.lastError, !trouble.isEmpty, trouble != status.network?.text {
            let lines = page.glyphs.wrap(trouble, max(1, width - 16), limit: failure == nil ? 2 : max(1, end - row))
            for (offset, line) in lines.enumerated() where row < end {
                if offset == 0 { page.put(failure == nil ? "trouble" : "failed", row: row, column: 4, [.alert]) }
                page.put(line, row: row, column: 14, width: width - 15, failure == nil ? [] : [.alert])
                row += 1
            }
        }
        return row
    }

    private static func drawPicture(
        _ state: MenuState, _ session: String, _ layout: Layout, top: Int, end: Int, on page: inout Page
    ) {
        let room = layout.pictureSize
        guard room.columns > 0, !session.isEmpty, state.picture.session == session else { return }
        let cells = state.picture.cells
        let rows = min((cells.count + room.columns - 1) / room.columns, room.rows, end - top - 1)
        guard rows > 0 else { return }
        for row in 0..<rows {
            BlockPicture.draw(
                cells[(row * room.columns)..<min(cells.count, (row + 1) * room.columns)], row: top + row, column: 4,
                on: &page)
        }
        let legend = BlockPicture.legend(page.glyphs, width: room.columns)
        for (offset, line) in legend.enumerated() where top + rows + offset < end {
            page.put(line, row: top + rows + offset, column: 4, width: room.columns, [.dim])
        }
    }
}

/// An image as a picture of cells.
enum BlockPicture {
    /// One row of it. Each kind of cell has its own glyph, not just its own colour.
    static func draw(_ cells: ArraySlice<BlockMap.Cell>, row: Int, column: Int, on page: inout Page) {
        var start = cells.startIndex
        while start < cells.endIndex {
            let kind = cells[start]
            let end = cells[start...].firstIndex { $0 != kind } ?? cells.endIndex
            let text = String(repeating: page.glyphs.glyph(of: kind), count: end - start)
            page.put(text, row: row, column: column + start - cells.startIndex, style(kind))
            start = end
        }
    }

    /// In as many lines as it needs.
    static func legend(_ glyphs: Glyphs, width: Int) -> [String] {
        let words = [
            "\(glyphs.here) cached", "\(glyphs.read) read by the guest", "\(glyphs.arriving) arriving",
            "\(glyphs.missing) on the server", "\(glyphs.hole) empty",
        ]
        return words.reduce(into: []) { lines, word in
            if let last = lines.last, glyphs.width(last) + 2 + glyphs.width(word) <= width {
                lines[lines.count - 1] += "  " + word
            } else {
                lines.append(word)
            }
        }
    }

    private static func style(_ cell: BlockMap.Cell) -> ScreenStyle {
        switch cell {
        case .here, .read: [.accent]
        case .arriving: [.bold]
        case .missing: []
        case .hole: [.dim]
        }
    }
}
