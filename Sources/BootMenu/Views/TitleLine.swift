import Curses

/// The top line: where the user is, and a summary at the right.
enum TitleLine {
    static func draw(_ state: MenuState, on page: inout Page) {
        let glyphs = page.glyphs
        let width = page.size.columns
        var at = 1 + page.put("OS Circular", row: 0, column: 1, [.bold, .accent])
        let right = summary(state)
        let rightWidth = glyphs.width(right)
        for part in path(state, glyphs) {
            at += page.put(" \(glyphs.then) ", row: 0, column: at, [.dim])
            at += page.put(part, row: 0, column: at, width: max(0, width - at - 1), [.bold])
        }
        if !right.isEmpty, at + rightWidth + 3 <= width {
            page.put(right, row: 0, column: width - rightWidth - 1, [.dim])
        }
    }

    private static func path(_ state: MenuState, _ glyphs: Glyphs) -> [String] {
        switch state.top.screen {
        case .systems: state.top.filter.isEmpty ? [] : ["matching \(glyphs.quoted(state.top.filter))"]
        case .versions(let name):
            state.top.filter.isEmpty
                ? [name.distribution] : [name.distribution, "matching \(glyphs.quoted(state.top.filter))"]
        case .details(let image): [image.version.isEmpty ? image.distribution : image.title, "details"]
        case .launch(let number): [state.launches[number]?.title ?? ""]
        case .guest: [state.guest(on: state.top.screen)?.title ?? "a guest that has ended"]
        case .machine(let name): ["machine \(name)"]
        case .bisect(let name): [name.distribution, "bisect"]
        case .guests: ["running"]
        case .cache: ["cache"]
        case .log: ["log"]
        case .help: ["help"]
        }
    }

    private static func summary(_ state: MenuState) -> String {
        switch state.top.screen {
        case .systems:
            guard state.hasOffer else { return "reading the catalogs" }
            let versions = state.offer.systems.reduce(0) { $0 + $1.versions.count }
            let systems = Format.several(state.offer.systems.count, "system")
            guard !state.groups.isEmpty else {
                return [
                    Format.several(state.offer.catalogs.count, "catalog"), systems, Format.several(versions, "version"),
                ].joined(separator: ", ")
            }
            // How many builds vendors have is known of those only that were asked.
            let catalogs = state.offer.catalogs.isEmpty ? [] : [Format.several(state.offer.catalogs.count, "catalog")]
            return (catalogs + [Format.several(state.groups.count, "vendor"), systems]).joined(separator: ", ")
        case .versions(let name) where state.asking.contains(name): return "asking"
        case .versions(let name): return Format.several(state.system(name)?.versions.count ?? 0, "version")
        case .launch, .guest: return GuestView.stateText(state)
        case .machine(let name): return state.machine(name).map { StatusText.of($0, state).text } ?? ""
        case .bisect(let name):
            guard let summary = state.bisects[name]?.summary else { return "" }
            return summary.state == .open ? "\(Format.several(summary.steps, "boot")) to go" : summary.state.rawValue
        case .guests: return Format.several(state.guests.count, "guest")
        case .cache: return state.cache.map { "\(Format.bytes($0.used)) of \(Format.bytes($0.limit))" } ?? ""
        case .log: return Format.several(state.log.count, "entry", "entries")
        case .details, .help: return ""
        }
    }
}
