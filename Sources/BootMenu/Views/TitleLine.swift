import Curses

/// The top line: where one is, and how much there is.
enum TitleLine {
    static func draw(_ state: MenuState, on page: inout Page) {
        let signs = page.signs
        let width = page.size.columns
        var at = 1 + page.put("OS Circular", row: 0, column: 1, [.bold, .accent])
        let right = summary(state)
        let rightWidth = signs.width(right)
        for part in path(state, signs) {
            at += page.put(" \(signs.then) ", row: 0, column: at, [.dim])
            at += page.put(part, row: 0, column: at, width: max(0, width - at - 1), [.bold])
        }
        if !right.isEmpty, at + rightWidth + 3 <= width {
            page.put(right, row: 0, column: width - rightWidth - 1, [.dim])
        }
    }

    private static func path(_ state: MenuState, _ signs: Signs) -> [String] {
        switch state.top.screen {
        case .systems: state.top.filter.isEmpty ? [] : ["with \(signs.quoted(state.top.filter))"]
        case .versions(let name):
            state.top.filter.isEmpty
                ? [name.distribution] : [name.distribution, "with \(signs.quoted(state.top.filter))"]
        case .details(let image): [image.words, "details"]
        case .launch(let number): [state.launches[number]?.image.words ?? ""]
        case .guest: [state.guest(on: state.top.screen)?.image.words ?? "a guest that is gone"]
        case .guests: ["running"]
        case .cache: ["cache"]
        case .log: ["log"]
        case .help: ["help"]
        }
    }

    private static func summary(_ state: MenuState) -> String {
        switch state.top.screen {
        case .systems:
            guard state.hasOffer else { return "reading what is known" }
            let versions = state.offer.systems.reduce(0) { $0 + $1.versions.count }
            return [
                Words.several(state.offer.catalogs.count, "catalog"),
                Words.several(state.offer.systems.count, "system"),
                Words.several(versions, "version"),
            ].joined(separator: ", ")
        case .versions(let name): return Words.several(state.system(name)?.versions.count ?? 0, "version")
        case .launch, .guest: return GuestView.stateWords(state)
        case .guests: return Words.several(state.guests.count, "guest")
        case .cache: return state.cache.map { "\(Words.bytes($0.used)) of \(Words.bytes($0.limit))" } ?? ""
        case .log: return Words.several(state.log.count, "entry", "entries")
        case .details, .help: return ""
        }
    }
}
