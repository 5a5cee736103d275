import Boot
import Curses

/// The first screen: every system of every catalog.
enum SystemsView {
    static func draw(_ state: MenuState, _ layout: Layout, on page: inout Page) {
        let width = layout.listWidth
        if layout.isBoxed {
            page.box(
                top: layout.bodyTop, left: 0, width: width, height: layout.bodyHeight, title: "Operating systems")
        }
        let inner = layout.innerWidth(width)
        if state.top.rows.isEmpty {
            drawEmpty(state, layout, width: inner, on: &page)
        } else {
            drawRows(state, layout, width: inner, on: &page)
        }
        var row = layout.listTop + layout.listHeight
        if layout.runningHeight > 0 {
            page.rule(row: row, left: 0, width: width, title: "Running")
            drawRunning(state, layout, top: row + 1, width: inner, on: &page)
            row += 1 + layout.runningHeight
        }
        if layout.stripHeight > 0 {
            page.rule(row: row, left: 0, width: width, title: AboutLines.title(state, page.glyphs))
            let lines = AboutLines.strip(state, width: inner - 2, glyphs: page.glyphs)
            for (offset, line) in lines.prefix(layout.stripHeight).enumerated() {
                line.draw(row: row + 1 + offset, column: 2, width: inner - 2, on: &page)
            }
        }
        if layout.hasTwoPanes { drawPane(state, layout, left: width, on: &page) }
    }

    private static func drawPane(_ state: MenuState, _ layout: Layout, left: Int, on page: inout Page) {
        let width = page.size.columns - left
        page.box(
            top: layout.bodyTop, left: left, width: width, height: layout.bodyHeight,
            title: AboutLines.title(state, page.glyphs))
        let lines = AboutLines.pane(state, width: width - 4, height: layout.bodyHeight - 2, glyphs: page.glyphs)
        for (offset, line) in lines.prefix(layout.bodyHeight - 2).enumerated() {
            line.draw(row: layout.bodyTop + 1 + offset, column: left + 2, width: width - 4, on: &page)
        }
    }

    private static func drawRows(_ state: MenuState, _ layout: Layout, width: Int, on page: inout Page) {
        // Those of vendors stand further to the right.
        // Machines stand further to the right as well.
        let least = state.machines.reduce(8) { max($0, min(24, $1.name.utf8.count + 4)) }
        let longest = state.offer.systems.reduce(least) {
            max($0, min($1.isVendors ? 28 : 24, state.label($1).utf8.count + ($1.isVendors ? 4 : 0)))
        }
        let nameWidth = min(longest, max(8, width - 30))
        let versionWidth = versionWidth(state.offer.systems.lazy.compactMap { $0.newest?.id })
        for offset in 0..<layout.listHeight {
            let index = state.top.position.top + offset
            guard let item = state.systemsRow(index, of: state.top) else { break }
            let isSelected = index == state.top.position.selected
            let marker = isSelected ? page.glyphs.selected : " "
            let cells: [RowCell]
            switch item {
            case .system(let system):
                cells = SystemsView.cells(
                    system, state, marker: marker, nameWidth: nameWidth, versionWidth: versionWidth, width: width)
            case .group(let group, let isUnfolded):
                cells = heading(
                    group, isUnfolded, state, marker: marker, nameWidth: nameWidth, width: width, page.glyphs)
            case .hidden(let count, let isUnfolded):
                let sign = isUnfolded ? page.glyphs.unfolded : page.glyphs.folded
                cells = [
                    RowCell(" \(marker) ", 3),
                    RowCell("\(sign) \(Format.several(count, "hidden vendor"))", width - 3, [.dim]),
                ]
            case .machines(let machines, let isUnfolded):
                cells = MachineView.heading(
                    machines, isUnfolded, state, marker: marker, nameWidth: nameWidth, width: width, page.glyphs)
            case .machine(let machine):
                cells = MachineView.cells(
                    machine, state, marker: marker, nameWidth: nameWidth, isIndented: state.top.filter.isEmpty,
                    width: width)
            case .catalog(let catalog):
                let text = "\(catalog.state.rawValue): \(catalog.error)"
                cells = [
                    RowCell(" \(marker) ", 3), RowCell(catalog.name, nameWidth + 2, [.dim]),
                    RowCell(text, max(0, width - nameWidth - 6), [.dim]),
                ]
            }
            let row = layout.listTop + offset
            page.put(cells, row: row, column: layout.innerLeft, width: width, selected: isSelected)
            page.hit(.row(index), row: row, columns: 0..<(width + layout.innerLeft))
        }
    }

    private static func cells(
        _ system: SystemSummary, _ state: MenuState, marker: String, nameWidth: Int, versionWidth: Int, width: Int
    ) -> [RowCell] {
        let price = StatusText.of(system, state)
        let isOld = system.isOutOfSupport(state.now)
        let nameStyle: ScreenStyle = price.style == [.dim] ? [.dim] : []
        var indent = ""
        if system.isVendors, state.top.filter.isEmpty {
            // Below its heading, or in line with the headings' names.
            indent = state.hasHeading(system) ? "    " : "  "
        }
        var cells = [RowCell(" \(marker) ", 3), RowCell(indent + state.label(system), nameWidth + 2, nameStyle)]
        var room = width - nameWidth - 5
        if system.newest == nil, system.isVendors {
            // Until the vendor has been asked there is room for what it is.
            if !price.text.isEmpty {
                cells.append(RowCell(price.text, min(room, 22), price.style))
                room -= min(room, 22)
            }
            return cells + [RowCell(system.distribution.title, room, [.dim])]
        }
        // Where room is short, the title is left out first, then the age, then the version.
        let hasVersion = room >= versionWidth + 13
        let hasAge = room >= versionWidth + 25
        if hasVersion {
            cells.append(RowCell(system.newest?.id ?? "", versionWidth, nameStyle))
            room -= versionWidth
        }
        let priceWidth = hasAge ? min(22, room - 7) : room
        cells.append(RowCell(price.text, priceWidth, price.style))
        room -= priceWidth
        if hasAge {
            cells.append(
                RowCell(
                    system.newest.map { Format.age($0.version.published.seconds, now: state.now) } ?? "", 6, right: true
                )
            )
            room -= 6
        }
        if room >= 14 {
            let badges = [
                system.passedOver.map { "\($0.id) failed" } ?? "",
                system.versions.contains { $0.isPinned } ? "pinned" : "", isOld ? "no longer supported" : "",
            ].filter { !$0.isEmpty }
            let text =
                badges.isEmpty
                ? system.distribution.title : badges.joined(separator: ", ") + ": " + system.distribution.title
            cells.append(RowCell("  " + text, room - 1, [.dim]))
        }
        return cells
    }

    /// The row above a vendor's systems.
    private static func heading(
        _ group: VendorGroup, _ isUnfolded: Bool, _ state: MenuState, marker: String, nameWidth: Int, width: Int,
        _ glyphs: Glyphs
    ) -> [RowCell] {
        if group.isHidden {
            return [RowCell(" \(marker) ", 3), RowCell("  " + group.name, max(0, width - 3), [.dim])]
        }
        let sign = isUnfolded ? glyphs.unfolded : glyphs.folded
        var cells = [RowCell(" \(marker) ", 3), RowCell("\(sign) \(group.name)", nameWidth + 2, [.bold])]
        let systems = group.members.lazy.map { state.offer.systems[$0] }
        let names = Set(systems.map(\.name))
        let running = state.guests.count { names.contains($0.image.system) && !$0.isSuspended }
        cells.append(
            running > 0
                ? RowCell("\(running) running", 12, [.accent, .bold])
                : RowCell(Format.several(group.members.count, "system"), 12))
        let rest = width - nameWidth - 17
        // No more of them than can be read.
        let ids = group.emulation.words ?? systems.prefix(20).map(\.distribution.id).joined(separator: ", ")
        if rest >= 12, !isUnfolded || group.emulation != .none { cells.append(RowCell(ids, rest, [.dim])) }
        return cells
    }

    /// Room for a day, or for a day's second version, and a gap.
    private static func versionWidth(_ versions: some Sequence<String>) -> Int {
        versions.reduce(12) { max($0, min(18, $1.utf8.count + 2)) }
    }

    private static func drawRunning(
        _ state: MenuState, _ layout: Layout, top: Int, width: Int, on page: inout Page
    ) {
        let versionWidth = versionWidth(state.guests.map(\.image.version))
        for (offset, guest) in state.guests.prefix(layout.runningHeight).enumerated() {
            let isLast = offset == layout.runningHeight - 1 && state.guests.count > layout.runningHeight
            if isLast {
                page.put("and \(state.guests.count - offset) more", row: top + offset, column: 4, [.dim])
                break
            }
            page.put(
                [
                    RowCell("   " + guest.label, 15), RowCell(guest.image.version, versionWidth),
                    RowCell(StatusText.of(guest, now: state.now), 15),
                    RowCell(Format.rate(guest.status.rate), 10, right: true),
                ], row: top + offset, column: layout.innerLeft, width: width)
            page.hit(.guest(guest.id), row: top + offset, columns: 0..<(width + layout.innerLeft))
        }
    }

    private static func drawEmpty(_ state: MenuState, _ layout: Layout, width: Int, on page: inout Page) {
        let text =
            if !state.hasOffer {
                "reading the catalogs"
            } else if !state.top.filter.isEmpty {
                "No match for \(page.glyphs.quoted(state.top.filter)); Esc shows all"
            } else if state.offer.catalogs.isEmpty {
                "No catalog yet: press a to add one, or run `oscircular catalog add`"
            } else {
                "The catalogs offer no systems yet; press r to check again"
            }
        for (offset, line) in page.glyphs.wrap(text, max(1, width - 4), limit: layout.listHeight).enumerated() {
            page.put(line, row: layout.listTop + offset, column: layout.innerLeft + 2, width: width - 2)
        }
    }
}

extension MenuState {
    /// The system's name on screens: with its catalog where the name alone is ambiguous.
    func label(_ system: SystemSummary) -> String {
        ambiguous.contains(system.name.distribution)
            ? "\(system.name.catalog)/\(system.name.distribution)" : system.name.distribution
    }
}
