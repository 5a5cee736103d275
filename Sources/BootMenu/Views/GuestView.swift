import Curses

/// One guest: how far its start is, and its image arriving.
enum GuestView {
    static func draw(_ state: MenuState, _ layout: Layout, on page: inout Page) {
        let width = page.size.columns
        guard let guest = state.guest(on: state.top.screen) ?? waiting(state) else {
            page.put("This guest has ended.", row: 2, column: 2)
            return
        }
        let failure = launch(state)?.failure
        var row = layout.bodyTop + (layout.size.rows >= 16 ? 1 : 0)
        let end = layout.bodyTop + layout.bodyHeight
        for phase in GuestItem.Phase.allCases where phase != .up && row < end {
            let isDone = guest.phase > phase
            let isCurrent = guest.phase == phase
            let mark =
                isDone ? page.signs.done : isCurrent ? (failure == nil ? page.signs.current : page.signs.failed) : " "
            page.put(mark, row: row, column: 2, isDone ? [.accent] : isCurrent && failure != nil ? [.alert] : [.bold])
            page.put(name(phase), row: row, column: 4, width: 9, isDone || isCurrent ? [] : [.dim])
            let words = isDone || isCurrent ? words(phase, guest, state) : ""
            var at = 14 + page.put(words, row: row, column: 14, width: width - 15)
            if phase == .bootSet, isCurrent || isDone, let total = guest.bootSetBlocks, total > 0 {
                at = max(at + 2, min(58, width - 22))
                let bar = ProgressBar.text(
                    done: UInt64(guest.bootSetDone ?? 0), total: UInt64(total), cells: min(30, width - at - 2),
                    signs: page.signs)
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
        row = drawFigures(guest, failure, top: row, end: end, on: &page)
        drawPicture(state, guest, layout, top: row + 1, end: end, on: &page)
    }

    /// What the title says at the right.
    static func stateWords(_ state: MenuState) -> String {
        if launch(state)?.failure != nil { return "failed" }
        guard let guest = state.guest(on: state.top.screen) else { return launch(state) == nil ? "" : "booting" }
        return guest.phase == .up ? PriceWords.of(guest, now: state.now) : "booting"
    }

    private static func launch(_ state: MenuState) -> Launch? {
        guard case .launch(let number) = state.top.screen else { return nil }
        return state.launches[number]
    }

    /// A launch whose session has said nothing yet.
    private static func waiting(_ state: MenuState) -> GuestItem? {
        launch(state).map { GuestItem(id: "", image: $0.image) }
    }

    private static func name(_ phase: GuestItem.Phase) -> String {
        switch phase {
        case .catalog: "catalog"
        case .index: "index"
        case .mount: "mount"
        case .bootSet: "boot set"
        case .guest, .up: "guest"
        }
    }

    private static func words(_ phase: GuestItem.Phase, _ guest: GuestItem, _ state: MenuState) -> String {
        switch phase {
        case .catalog:
            let trust = state.catalog(guest.image.system.catalog)?.trust ?? ""
            return trust.isEmpty ? guest.image.system.catalog : "\(guest.image.system.catalog), \(trust)"
        case .index:
            guard guest.blocks > 0 else { return guest.phase == .index ? "fetching" : "" }
            let size = state.version(guest.image).map { ", \(Words.bytes($0.size))" } ?? ""
            return "\(Words.several(guest.blocks, "block"))\(size)"
        case .mount:
            return guest.mount.isEmpty
                ? "mounting" : "\(Words.count(guest.blocksHere)) of \(Words.several(guest.blocks, "block")) here"
        case .bootSet:
            if let total = guest.bootSetBlocks, total > 0 {
                let done = min(total, guest.bootSetDone ?? 0)
                // What the whole set needed over the line is known from the row; a part of it needs its part.
                let rest = (state.version(guest.image)?.toBoot).map { $0 / UInt64(total) * UInt64(total - done) } ?? 0
                return [
                    "\(Words.count(done)) of \(Words.several(total, "block"))", Words.rate(guest.rate),
                    Words.remaining(rest, rate: guest.rate),
                ].filter { !$0.isEmpty }.joined(separator: "   ")
            }
            return guest.phase == .bootSet ? "fetching what the start needs" : "the guest reads what it needs"
        case .guest, .up:
            let speed = guest.accelerator == "tcg" ? " (software emulation: slow)" : ""
            return guest.phase == .up ? PriceWords.of(guest, now: state.now) + speed : "starting\(speed)"
        }
    }

    /// - Returns: the row after the last one used.
    private static func drawFigures(
        _ guest: GuestItem, _ failure: String?, top: Int, end: Int, on page: inout Page
    ) -> Int {
        var row = top
        let width = page.size.columns
        let figures = [
            "\(Words.bytes(guest.bytesFetched)) over the line", "\(Words.bytes(guest.bytesFromCache)) from the cache",
            Words.rate(guest.rate),
        ].filter { !$0.isEmpty }.joined(separator: ", ")
        if row < end {
            page.put("traffic", row: row, column: 4, width: 9, [.dim])
            page.put(figures, row: row, column: 14, width: width - 15)
            row += 1
        }
        let trouble = failure ?? guest.lastError
        if !trouble.isEmpty {
            let lines = page.signs.wrap(trouble, max(1, width - 16), limit: failure == nil ? 2 : max(1, end - row))
            for (offset, line) in lines.enumerated() where row < end {
                if offset == 0 { page.put(failure == nil ? "trouble" : "failed", row: row, column: 4, [.alert]) }
                page.put(line, row: row, column: 14, width: width - 15, failure == nil ? [] : [.alert])
                row += 1
            }
        }
        return row
    }

    private static func drawPicture(
        _ state: MenuState, _ guest: GuestItem, _ layout: Layout, top: Int, end: Int, on page: inout Page
    ) {
        let room = layout.pictureSize
        guard room.columns > 0, !guest.id.isEmpty, state.picture.session == guest.id else { return }
        let cells = state.picture.cells
        let rows = min((cells.count + room.columns - 1) / room.columns, room.rows, end - top - 1)
        guard rows > 0 else { return }
        for row in 0..<rows {
            BlockPicture.draw(
                cells[(row * room.columns)..<min(cells.count, (row + 1) * room.columns)], row: top + row, column: 4,
                on: &page)
        }
        page.put(BlockPicture.legend(page.signs), row: top + rows, column: 4, width: room.columns, [.dim])
    }
}
