import Curses

/// The bottom line: the most useful keys of the screen, from the key bindings.
enum HintLine {
    private static let last: [Command] = [.help, .back, .quit]

    static func draw(_ state: MenuState, on page: inout Page) {
        let row = page.size.rows - 1
        if !state.layout.hasMessageRow, let message = state.message {
            page.put(message.text, row: row, column: 0, message.isFailure ? [.alert, .bold] : [.bold])
            return
        }
        switch state.overlay {
        case .dialog:
            show(
                [("\(page.glyphs.left)\(page.glyphs.right)", "choose"), ("Enter", "confirm"), ("Esc", "close")],
                on: &page
            )
        case .form(let form):
            var hints: [(key: String, text: String)] = [
                ("Tab", "next"), ("Enter", form.enterHint), ("Esc", "cancel"),
            ]
            if !form.fields[form.focus].choices.isEmpty { hints.insert((page.glyphs.right, "choose"), at: 1) }
            if form.fields.count == 1 { hints.removeFirst() }
            show(hints, on: &page)
        case .find: show([("Enter", "keep"), ("Esc", "clear")], on: &page)
        case nil: showCommands(state, on: &page)
        }
    }

    private static func show(_ hints: [(key: String, text: String)], on page: inout Page) {
        var at = 1
        for hint in hints {
            at += page.put(hint.key, row: page.size.rows - 1, column: at, [.bold]) + 1
            at += page.put(hint.text, row: page.size.rows - 1, column: at) + 2
        }
    }

    private static func showCommands(_ state: MenuState, on page: inout Page) {
        let kind = state.top.screen.kind
        let offered = KeyBinding.all.filter {
            $0.screens.contains(kind) && !state.hint(of: $0).isEmpty && state.isOffered($0.command)
        }
        let tail = offered.filter { last.contains($0.command) }
        let gap = page.size.columns >= 100 ? 3 : 2
        func width(_ binding: KeyBinding) -> Int {
            page.glyphs.width("\(binding.keys[0].name(page.glyphs)) \(state.hint(of: binding))") + gap
        }
        var room = page.size.columns - 1 + gap - tail.reduce(0) { $0 + width($1) }
        var shown: [KeyBinding] = []
        for binding in offered where !last.contains(binding.command) {
            if width(binding) > room { continue }
            room -= width(binding)
            shown.append(binding)
        }
        var at = 1
        let row = page.size.rows - 1
        for binding in shown + tail {
            let start = at
            at += page.put(binding.keys[0].name(page.glyphs), row: row, column: at, [.bold]) + 1
            at += page.put(state.hint(of: binding), row: row, column: at)
            page.hit(.command(binding.command), row: row, columns: start..<max(at, start + 1))
            at += gap
        }
    }
}

extension MenuState {
    /// What a key does now, in one word.
    func hint(of binding: KeyBinding) -> String {
        switch binding.command {
        case .activate:
            if chosenSuspended != nil { return "resume" }
            if let machine = chosenMachine, let guest = guest(ofMachine: machine.name) {
                return guest.isSuspended ? "resume" : "show"
            }
            if chosenMachine != nil { return "start" }
            if let heading = chosenHeading { return heading.isUnfolded ? "fold" : "unfold" }
            if chosenGroup?.isHidden == true { return "show again" }
        case .suspendGuest where chosenSuspended != nil: return "resume"
        case .force where chosenSuspended != nil: return "throw away"
        case .enter where chosenHeading != nil || chosenGroup?.isHidden == true: return ""
        case .enter where top.screen.kind == .systems && chosenMachine != nil: return "machine"
        case .remove where chosenMachine != nil: return "forget"
        case .hide where chosenGroup?.isHidden == true: return "show again"
        default: break
        }
        return binding.hint
    }
}
