import Boot

/// What the menu wants done in the world.
package enum MenuEffect: Sendable, Hashable {
    /// Ask for news; `isAsked` when the user did.
    case loadOffer(isAsked: Bool)
    /// Find out what a system's older versions cost.
    case price(SystemName)
    case loadCache
    case loadGuests
    /// Find out why a guest ended.
    case explainEnd(session: String, VersionKey)
    case boot(VersionKey, launch: Int)
    case order(ControlCommand, session: String)
    case console(session: String)
    case window(session: String)
    case fetch(VersionKey, FetchItem.Extent, number: Int)
    case stopFetch(Int)
    case pin(VersionKey, Bool)
    case remove(VersionKey)
    case verify
    case addCatalog(CatalogRequest)
    case removeCatalog(String)
    case redraw, suspend, quit
}
