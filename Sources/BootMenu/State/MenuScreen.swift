import Boot

/// One screen of the menu, and what it is about.
package enum MenuScreen: Sendable, Hashable {
    case systems
    case versions(SystemName)
    case details(VersionKey)
    /// A boot that was asked for here.
    case launch(Int)
    /// A guest that was running already.
    case guest(String)
    case guests, cache, log, help

    /// The screen without what it is about, for tables.
    package enum Kind: Sendable, Hashable, CaseIterable {
        case systems, versions, details, guest, guests, cache, log, help
    }

    package var kind: Kind {
        switch self {
        case .systems: .systems
        case .versions: .versions
        case .details: .details
        case .launch, .guest: .guest
        case .guests: .guests
        case .cache: .cache
        case .log: .log
        case .help: .help
        }
    }
}
