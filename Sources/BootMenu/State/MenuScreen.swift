import Boot

/// One screen of the menu, and what it is about.
package enum MenuScreen: Sendable, Hashable {
    case systems
    case versions(SystemName)
    case details(VersionKey)
    /// A boot that was started from this menu.
    case launch(Int)
    /// A guest that was running already.
    case guest(String)
    /// A kept machine, with its snapshots.
    case machine(String)
    /// The search for the version of a system with which a fault came.
    case bisect(SystemName)
    case guests, cache, log, help

    /// The kind of screen, without what it is about: the key for tables.
    package enum Kind: Sendable, Hashable, CaseIterable {
        case systems, versions, details, guest, machine, bisect, guests, cache, log, help
    }

    package var kind: Kind {
        switch self {
        case .systems: .systems
        case .versions: .versions
        case .details: .details
        case .launch, .guest: .guest
        case .machine: .machine
        case .bisect: .bisect
        case .guests: .guests
        case .cache: .cache
        case .log: .log
        case .help: .help
        }
    }
}

/// A screen on the stack that Esc goes back through.
package struct OpenScreen: Sendable {
    package let screen: MenuScreen
    package var position = ListPosition()
    /// The search text; empty shows all.
    package var filter = ""
    /// The rows that are shown: indices of what the screen lists.
    package internal(set) var rows: [Int] = []

    init(_ screen: MenuScreen) { self.screen = screen }
}

/// A list's position: the chosen row and the first visible one.
package struct ListPosition: Sendable, Hashable {
    package private(set) var selected = 0
    package private(set) var top = 0

    /// Chooses a row, and scrolls so that it is one of the `height` visible rows.
    mutating func select(_ row: Int, of count: Int, height: Int) {
        selected = max(0, min(row, count - 1))
        let height = max(1, height)
        if selected < top { top = selected }
        if selected >= top + height { top = selected - height + 1 }
        top = max(0, min(top, count - height))
    }

    /// Scrolls a text, in which no row is chosen.
    mutating func scroll(to row: Int, of count: Int, height: Int) {
        top = max(0, min(row, count - max(1, height)))
        selected = top
    }
}
