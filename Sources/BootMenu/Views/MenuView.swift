import Curses

/// The menu's state as a screen: a pure function.
package enum MenuView {
    package static func frame(of state: MenuState, glyphs: Glyphs) -> Frame {
        var page = Page(size: state.size, glyphs: glyphs)
        let layout = state.layout
        if layout.isTiny {
            page.put(state.size.columns >= 18 ? "too small; q quits" : "q quits", row: 0, column: 0)
            return page.frame
        }
        TitleLine.draw(state, on: &page)
        switch state.top.screen {
        case .systems: SystemsView.draw(state, layout, on: &page)
        case .versions(let name): VersionsView.draw(state, name, layout, on: &page)
        case .launch, .guest: GuestView.draw(state, layout, on: &page)
        case .machine(let name): MachineView.draw(state, name, layout, on: &page)
        case .bisect(let name): BisectView.draw(state, name, layout, on: &page)
        case .guests: GuestsView.draw(state, layout, on: &page)
        case .cache: CacheView.draw(state, layout, on: &page)
        case .details, .log, .help: TextScreens.draw(state, layout, on: &page)
        }
        drawMessage(state, layout, on: &page)
        HintLine.draw(state, on: &page)
        switch state.overlay {
        case .dialog(let dialog): DialogView.draw(dialog, on: &page)
        case .form(let form): FormView.draw(form, on: &page)
        case .find(let field): FindView.draw(field, layout, on: &page)
        case nil: break
        }
        return page.frame
    }

    /// The last message, or what is going on in the background. Without a row for it, the hint line shows the message.
    private static func drawMessage(_ state: MenuState, _ layout: Layout, on page: inout Page) {
        guard layout.hasMessageRow else { return }
        let row = state.size.rows - 2
        if let message = state.message {
            let style: ScreenStyle = message.isFailure ? [.alert, .bold] : [.bold]
            page.put(message.text, row: row, column: 1, width: state.size.columns - 2, style)
        } else if let text = background(state) {
            page.put(text, row: row, column: 1, width: state.size.columns - 2, [.accent])
        }
    }

    private static func background(_ state: MenuState) -> String? {
        let running = state.fetches.filter { $0.state == .running }
        if let fetch = running.first {
            let others = running.count > 1 ? " and \(Format.several(running.count - 1, "other"))" : ""
            if let warming = fetch.warming, warming != .fetching || fetch.total == 0 {
                let stage = warming == .fetching ? "" : ": \(fetch.text)"
                return "preparing \(fetch.image.title)\(others)\(stage)"
            }
            let parts = [
                "fetching \(fetch.image.title)\(others):", Format.bytes(fetch.done), "of", Format.bytes(fetch.total),
                Format.rate(fetch.rate), Format.remaining(fetch.total - min(fetch.total, fetch.done), rate: fetch.rate),
            ]
            return parts.filter { !$0.isEmpty }.joined(separator: " ")
        }
        if let verifying = state.verifying {
            return "verifying: \(Format.count(verifying.done)) of \(Format.several(verifying.total, "block"))"
        }
        return state.isRefreshing ? "checking for new versions" : nil
    }
}
