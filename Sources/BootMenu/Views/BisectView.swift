import Boot
import Catalog
import Curses

/// A bisect: the versions with what is known of each, and above them what to do now, or what was found.
enum BisectView {
    /// The lines above the list.
    static func head(_ state: MenuState, _ name: SystemName, width: Int, glyphs: Glyphs) -> [AboutLine] {
        func text(_ text: String, limit: Int = 3, _ style: ScreenStyle = []) -> [AboutLine] {
            glyphs.wrap(text, max(1, width), limit: limit).map { AboutLine($0, style: style) }
        }
        guard let item = state.bisects[name] else {
            let ends = state.bisectEnds[name]
            if let good = ends?.good { return text("\(good) is good. Mark a newer version that has the fault with b.") }
            if let bad = ends?.bad { return text("\(bad) is bad. Mark an older version without the fault with g.") }
            return text(
                "Which version brought a fault? Mark one without it with g, and a newer one with it with b: each boot then halves what lies between."
            )
        }
        let summary = item.summary
        switch summary.state {
        case .open:
            let steps = Format.several(summary.steps, "boot")
            return text(
                "Next is \(summary.next ?? ""), about \(steps) to go. Enter boots it in a guest that is thrown away; then say how it was: g good, b bad, s skip."
            )
        case .found:
            var lines = text(
                "\(summary.bad) is the first bad version; \(summary.good), the one before it, is good.",
                [.accent, .bold])
            for notes in summary.notes { lines += text(notes.notes) }
            for line in summary.packages.lines where summary.notes.count > 1 { lines += text(line, limit: 2) }
            return lines
        case .undecided:
            return text(
                "The first bad version is one of \(summary.suspects.joined(separator: ", ")). A skipped one that can be told after all is marked with g or b.",
                [.bold])
        }
    }

    static func draw(_ state: MenuState, _ name: SystemName, _ layout: Layout, on page: inout Page) {
        let width = page.size.columns
        let inner = layout.innerWidth(width)
        if layout.isBoxed {
            page.box(top: layout.bodyTop, left: 0, width: width, height: layout.bodyHeight, title: "Bisect")
        }
        let top = layout.listTop - layout.headHeight
        let head = head(state, name, width: inner - 2, glyphs: page.glyphs)
        for (offset, line) in head.prefix(max(1, layout.headHeight - 1)).enumerated() {
            line.draw(row: top + offset, column: layout.innerLeft + 1, width: inner - 2, on: &page)
        }
        if layout.isBoxed, layout.headHeight > 1 {
            page.rule(row: layout.listTop - 1, left: 0, width: width, title: "Versions")
        }
        let rows = state.bisectRows(name)
        if rows.isEmpty {
            page.put("No version is known.", row: layout.listTop, column: layout.innerLeft + 2, width: inner - 2)
        }
        for offset in 0..<layout.listHeight {
            let index = state.top.position.top + offset
            guard rows.indices.contains(index) else { break }
            let isSelected = index == state.top.position.selected
            let marker = isSelected ? page.glyphs.selected : " "
            let row = layout.listTop + offset
            page.put(
                cells(rows[index], name, state, marker: marker, width: inner), row: row, column: layout.innerLeft,
                width: inner, selected: isSelected)
            page.hit(.row(index), row: row, columns: 0..<width)
        }
    }

    private static func cells(
        _ row: BisectItem.Row, _ name: SystemName, _ state: MenuState, marker: String, width: Int
    ) -> [RowCell] {
        let key = VersionKey(catalog: name.catalog, distribution: name.distribution, version: row.version)
        let version = state.version(key)
        let style: ScreenStyle =
            switch row.mark {
            case .good(let isSaid): isSaid ? [] : [.dim]
            case .bad(let isSaid): isSaid ? [.alert] : [.dim]
            case .next: [.accent, .bold]
            case .skipped, .gone, .untried: [.dim]
            }
        var cells = [RowCell(" \(marker) ", 3), RowCell(row.version, 14), RowCell(row.mark.word, 14, style)]
        var room = width - 31
        if room >= 50 {
            cells.append(RowCell(version.map { Format.age($0.version.published.seconds, now: state.now) } ?? "", 7))
            room -= 7
        }
        if room >= 16, let version {
            let status = StatusText.of(version, state)
            cells.append(RowCell(status.text, 18, status.style))
            room -= 18
        }
        if room >= 8 { cells.append(RowCell(row.why.isEmpty ? version?.version.notes ?? "" : row.why, room, [.dim])) }
        return cells
    }
}
