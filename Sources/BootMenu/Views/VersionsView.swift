import Boot
import Curses

/// All versions of one system, newest first. Booting an older row goes back to it.
enum VersionsView {
    static func draw(_ state: MenuState, _ name: SystemName, _ layout: Layout, on page: inout Page) {
        let width = page.size.columns
        let inner = layout.innerWidth(width)
        if layout.isBoxed {
            page.box(top: layout.bodyTop, left: 0, width: width, height: layout.bodyHeight, title: "Versions")
        }
        guard let system = state.system(name) else {
            page.put(
                "No catalog offers \(name.distribution) any more.", row: layout.listTop, column: layout.innerLeft + 2)
            return
        }
        if state.top.rows.isEmpty {
            let text =
                state.top.filter.isEmpty
                ? emptyText(system, state) : "No match for \(page.glyphs.quoted(state.top.filter)); Esc shows all"
            for (offset, line) in page.glyphs.wrap(text, max(1, inner - 4), limit: layout.listHeight).enumerated() {
                page.put(line, row: layout.listTop + offset, column: layout.innerLeft + 2, width: inner - 2)
            }
        }
        let lastRun = system.lastRun?.id
        let buildWidth = system.versions.prefix(100).reduce(8) { max($0, min(20, ($1.build?.utf8.count ?? 0) + 2)) }
        for offset in 0..<layout.listHeight {
            let index = state.top.position.top + offset
            guard state.top.rows.indices.contains(index) else { break }
            let place = state.top.rows[index]
            let isSelected = index == state.top.position.selected
            let marks = marks(
                system.versions[place], isNewest: place == 0, isLast: system.versions[place].id == lastRun)
            let marker = isSelected ? page.glyphs.selected : " "
            let cells =
                system.versions[place].trust == nil
                ? cells(system.versions[place], system, state, marks: marks, marker: marker, width: inner)
                : build(
                    system.versions[place], state, hint: system.listing?.sizeHint,
                    isLast: system.versions[place].id == lastRun, marker: marker, buildWidth: buildWidth, width: inner)
            let row = layout.listTop + offset
            page.put(cells, row: row, column: layout.innerLeft, width: inner, selected: isSelected)
            page.hit(.row(index), row: row, columns: 0..<width)
        }
        drawStrip(state, system, layout, width: width, on: &page)
    }

    private static func marks(_ version: VersionSummary, isNewest: Bool, isLast: Bool) -> String {
        // It matters more than what else it is.
        if version.unhealthy != nil { return "did not come up" }
        let marks = [isNewest ? "newest" : "", isLast ? "ran last" : "", version.isPinned ? "pinned" : ""]
        return marks.filter { !$0.isEmpty }.joined(separator: ", ")
    }

    private static func cells(
        _ version: VersionSummary, _ system: SystemSummary, _ state: MenuState, marks: String, marker: String,
        width: Int
    ) -> [RowCell] {
        let price = StatusText.of(version, state)
        var cells = [RowCell(" \(marker) ", 3), RowCell(version.id, 14)]
        var room = width - 17
        if room >= 60 {
            cells.append(RowCell(Format.age(version.version.published.seconds, now: state.now), 7))
            room -= 7
        }
        if room >= 34 {
            let marksWidth = room >= 70 ? 24 : 18
            cells.append(RowCell(marks, marksWidth, version.unhealthy == nil ? [.accent] : [.alert]))
            room -= marksWidth
        }
        let priceWidth = min(20, room)
        cells.append(RowCell(price.text, priceWidth, price.style))
        room -= priceWidth
        if room >= 10 {
            cells.append(RowCell(version.changed.map { "+ \(Format.bytes($0))" } ?? "", 12))
            room -= 12
        }
        if room >= 8 { cells.append(RowCell(version.version.notes, room, [.dim])) }
        return cells
    }

    /// A vendor's build: its day, the vendor's name for it, and how sure one can be of it, before what it costs.
    private static func build(
        _ version: VersionSummary, _ state: MenuState, hint: UInt64?, isLast: Bool, marker: String, buildWidth: Int,
        width: Int
    ) -> [RowCell] {
        let price = StatusText.of(version, state, hint: hint)
        let trust = TrustText.of(version, state) ?? ("", [])
        // What is gone costs nothing any more, but its words are longer.
        let isGone = version.isGone && state.guest(of: version.key) == nil
        let marks = [
            version.unhealthy == nil ? "" : "did not come up", version.isPinned ? "pinned" : "",
            isLast ? "ran last" : "",
        ].filter { !$0.isEmpty }
        var room = width - 16
        var cells = [RowCell(" \(marker) ", 3), RowCell(version.id, 13)]
        func add(_ text: String, _ width: Int, _ style: ScreenStyle = []) {
            let width = min(width, room)
            // A row ends at a cell without width.
            guard width > 0 else { return }
            cells.append(RowCell(text, width, style))
            room -= width
        }
        if room >= 80 { add(Format.age(version.version.published.seconds, now: state.now), 7) }
        // Where room is short, the vendor's name of the build is left out first.
        if room >= buildWidth + 39 { add(version.build ?? "", buildWidth) }
        add(trust.text, isGone ? 40 : 24, trust.style)
        if !isGone { add(price.text, version.isWholeFirst ? 24 : version.isWarm ? 20 : 16, price.style) }
        if room >= 6 { add(marks.joined(separator: ", "), room, version.unhealthy == nil ? [.accent] : [.alert]) }
        return cells
    }

    /// What is said where no version is known.
    private static func emptyText(_ system: SystemSummary, _ state: MenuState) -> String {
        if state.asking.contains(system.name) { return "Asking \(system.vendor) for its builds." }
        if let failure = state.refusals[system.name] { return "\(failure.reason)\nPress r to ask again." }
        guard system.isVendors else { return "No version yet." }
        return system.listing?.asked == nil
            ? "Press r to ask \(system.vendor) for its builds." : "\(system.vendor) offers no build of it now."
    }

    private static func drawStrip(
        _ state: MenuState, _ system: SystemSummary, _ layout: Layout, width: Int, on page: inout Page
    ) {
        guard layout.stripHeight > 0 else { return }
        let top = layout.listTop + layout.listHeight
        let chosen = state.chosenImage.flatMap { image in system.versions.first { $0.key == image } }
        page.rule(row: top, left: 0, width: width, title: chosen?.id ?? "")
        guard let version = chosen else { return }
        if version.trust != nil {
            let facts = AboutLines.facts(version, system, state).filter {
                [.processor, .start, .trust, .toBoot, .kept, .login].contains($0.fact)
            }
            let state = AboutLines.listing(of: system, state, width: width - 4, limit: 1, glyphs: page.glyphs)
            for (offset, line) in (state + facts).prefix(layout.stripHeight).enumerated() {
                line.draw(row: top + 1 + offset, column: 2, width: width - 4, on: &page)
            }
            return
        }
        let facts = AboutLines.facts(version, system, state).filter {
            [.processor, .start, .toBoot, .new, .changed].contains($0.fact)
        }
        let notes = page.glyphs.wrap(version.version.notes, width - 4, limit: layout.stripHeight - min(2, facts.count))
        for (offset, line) in (facts.prefix(2) + notes.map { AboutLine($0) }).prefix(layout.stripHeight).enumerated() {
            line.draw(row: top + 1 + offset, column: 2, width: width - 4, on: &page)
        }
    }
}
