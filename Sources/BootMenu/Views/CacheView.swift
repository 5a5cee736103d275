import Curses

/// What is cached, and how much space it takes.
enum CacheView {
    static func draw(_ state: MenuState, _ layout: Layout, on page: inout Page) {
        let width = page.size.columns
        let inner = layout.innerWidth(width)
        if layout.isBoxed {
            page.box(top: layout.bodyTop, left: 0, width: width, height: layout.bodyHeight, title: "Cache")
        }
        let top = layout.listTop - layout.headHeight
        guard let cache = state.cache else {
            page.put("reading the cache", row: top, column: layout.innerLeft + 2)
            return
        }
        let used =
            "\(Format.bytes(cache.used)) of \(Format.bytes(cache.limit)), \(Format.several(cache.blocks, "block"))"
        let at = layout.innerLeft + 2
        let usedWidth = page.put(used, row: top, column: at, width: inner - 2, [.bold])
        let room = inner - usedWidth - 6
        if room >= 10 {
            let bar = page.glyphs.bar(done: cache.used, total: cache.limit, cells: min(40, room))
            page.put(bar, row: top, column: at + usedWidth + 2, [.accent])
        }
        if layout.headHeight > 1 {
            let repaired = cache.repaired == 0 ? "" : "   \(Format.several(cache.repaired, "damaged block")) replaced"
            page.put(cache.directory + repaired, row: top + 1, column: at, width: inner - 2, [.dim])
        }
        if cache.items.isEmpty {
            page.put(
                "Nothing is cached yet. What guests read is kept here.", row: layout.listTop, column: at,
                width: inner - 2
            )
        }
        for offset in 0..<layout.listHeight {
            let index = state.top.position.top + offset
            guard cache.items.indices.contains(index) else { break }
            let isSelected = index == state.top.position.selected
            let row = layout.listTop + offset
            let cells = cells(cache.items[index], isSelected ? page.glyphs.selected : " ", inner)
            page.put(cells, row: row, column: layout.innerLeft, width: inner, selected: isSelected)
            page.hit(.row(index), row: row, columns: 0..<width)
        }
    }

    private static func cells(_ item: CacheItem, _ marker: String, _ width: Int) -> [RowCell] {
        let state =
            switch item.version.offline {
            case .whole: "complete"
            case .boots: "boots offline"
            case .no: "partial"
            }
        var cells = [
            RowCell(" \(marker) ", 3), RowCell(item.image.distribution, 14), RowCell(item.image.version, 12),
        ]
        var room = width - 29
        for (text, cellWidth, isRight) in [
            (Format.bytes(item.version.here), 8, true), ("  " + state, 16, false),
            (item.version.isPinned ? "pinned" : "", 8, false),
            (item.own.map { "\(Format.bytes($0)) own" } ?? "", 15, false),
            ("of \(Format.bytes(item.version.content ?? item.version.whole ?? 0))", 12, false),
        ] where room >= cellWidth {
            cells.append(RowCell(text, cellWidth, right: isRight))
            room -= cellWidth
        }
        return cells
    }
}
