import Boot
import Catalog
import Curses

/// Kept machines: their rows among the systems, and the screen of one of them with its snapshots.
enum MachineView {
    // MARK: Rows

    /// What the heading's row says of all of them.
    static func summary(of machines: [MachineItem], _ state: MenuState) -> String {
        let running = machines.count { state.guest(ofMachine: $0.name) != nil }
        let troubled = machines.count { !$0.warnings.isEmpty || $0.problem != nil }
        return [
            Format.several(machines.count, "machine"), running > 0 ? "\(running) running" : "",
            troubled > 0 ? "\(troubled) with a warning" : "",
        ].filter { !$0.isEmpty }.joined(separator: ", ")
    }

    static func heading(
        _ machines: [MachineItem], _ isUnfolded: Bool, _ state: MenuState, marker: String, nameWidth: Int, width: Int,
        _ glyphs: Glyphs
    ) -> [RowCell] {
        let title = "\(isUnfolded ? glyphs.unfolded : glyphs.folded) Kept machines"
        let titleWidth = max(nameWidth, glyphs.width(title)) + 2
        return [
            RowCell(" \(marker) ", 3), RowCell(title, titleWidth),
            RowCell(summary(of: machines, state), max(0, width - titleWidth - 3)),
        ]
    }

    static func cells(
        _ machine: MachineItem, _ state: MenuState, marker: String, nameWidth: Int, isIndented: Bool, width: Int
    ) -> [RowCell] {
        let status = StatusText.of(machine, state)
        var room = width - nameWidth - 5
        var cells = [
            RowCell(" \(marker) ", 3), RowCell((isIndented ? "    " : "") + machine.name, nameWidth + 2),
        ]
        func add(_ text: String, _ width: Int, _ style: ScreenStyle = []) {
            let width = min(width, room)
            guard width > 0 else { return }
            cells.append(RowCell(text, width, style))
            room -= width
        }
        // Where room is short, what it is based on is left out first: how it is and what is wrong matter more.
        let rest = 37
        if room >= rest + 20 {
            add(machine.baseTitle, room >= rest + 33 ? 30 : 20)
        } else if room >= rest + 9 {
            add(machine.base?.distribution ?? "", room - rest)
        }
        add(status.text, 15, status.style)
        if machine.warnings.isEmpty {
            add(machine.share ?? "", room)
        } else {
            add("warning: \(machine.warnings[0])", room, [.alert])
        }
        return cells
    }

    // MARK: Details

    static func about(width: Int, limit: Int, glyphs: Glyphs) -> [AboutLine] {
        glyphs.wrap(
            "Machines that you keep: each has a disk of its own, which stays when its guest ends. K on a system makes one.",
            width, limit: limit
        ).map { AboutLine($0) }
    }

    /// All that is known about a machine, the most important first.
    static func facts(_ state: MenuState, _ name: String, width: Int, glyphs: Glyphs) -> [AboutLine] {
        guard let machine = state.machine(name) else { return [AboutLine("There is no machine \(name) any more.")] }
        var lines: [AboutLine] = []
        func add(_ label: String, _ text: String, limit: Int = 2, style: ScreenStyle = []) {
            for (offset, text) in glyphs.wrap(text, max(1, width - 11), limit: limit).enumerated() {
                var line = AboutLine(offset == 0 ? label : " ", text)
                line.style = style
                lines.append(line)
            }
        }
        if let problem = machine.problem { add("trouble", problem, limit: 4, style: [.alert]) }
        for warning in machine.warnings { add("warning", warning, limit: 3, style: [.alert]) }
        add("based on", machine.base.map { "\($0)" } ?? "not known")
        let size = machine.size.map { " of \(Format.bytes($0))" } ?? ""
        add("disk", "\(Format.bytes(machine.used)) written here\(size); \(machine.share ?? "its base is not known")")
        if let home = machine.home { add("home", home) }
        let started = machine.lastStarted.map { Timestamp(seconds: $0 + state.facts.secondsEast).description }
        add("started", started.map { "\($0.prefix(10)) \($0.dropFirst(11).prefix(5))" } ?? "never yet")
        return lines
    }

    // MARK: The screen

    static func draw(_ state: MenuState, _ name: String, _ layout: Layout, on page: inout Page) {
        let width = page.size.columns
        let inner = layout.innerWidth(width)
        let left = layout.innerLeft + 1
        if layout.isBoxed {
            page.box(top: layout.bodyTop, left: 0, width: width, height: layout.bodyHeight, title: name)
        }
        let top = layout.listTop - layout.headHeight
        let facts = facts(state, name, width: inner - 2, glyphs: page.glyphs)
        for (offset, line) in facts.prefix(max(1, layout.headHeight - 1)).enumerated() {
            line.draw(row: top + offset, column: left, width: inner - 2, on: &page)
        }
        let snapshots = state.snapshots(of: name)
        if layout.headHeight > 1 {
            let title = snapshots.isEmpty ? "No snapshots" : Format.several(snapshots.count, "snapshot")
            if layout.isBoxed {
                page.rule(row: layout.listTop - 1, left: 0, width: width, title: title)
            } else {
                page.put(title, row: layout.listTop - 1, column: left, [.bold])
            }
        }
        guard state.machine(name) != nil else { return }
        if snapshots.isEmpty {
            page.put(
                "s takes a snapshot of the disk; R goes back to one.", row: layout.listTop, column: left,
                width: inner - 2)
        }
        for offset in 0..<layout.listHeight {
            let index = state.top.position.top + offset
            guard snapshots.indices.contains(index) else { break }
            let isSelected = index == state.top.position.selected
            let time = Timestamp(seconds: snapshots[index].created + state.facts.secondsEast).description
            let cells = [
                RowCell(" \(isSelected ? page.glyphs.selected : " ") ", 3),
                RowCell(snapshots[index].name, max(12, inner / 2)),
                RowCell("\(time.prefix(10)) \(time.dropFirst(11).prefix(5))", 18),
                RowCell(Format.age(snapshots[index].created, now: state.now), 8),
            ]
            let row = layout.listTop + offset
            page.put(cells, row: row, column: layout.innerLeft, width: inner, selected: isSelected)
            page.hit(.row(index), row: row, columns: 0..<width)
        }
    }
}
