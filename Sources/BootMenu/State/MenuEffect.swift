/// What the menu wants done in the world.
package enum MenuEffect: Sendable, Hashable {
    /// What a running guest can be told.
    package enum GuestOrder: Sendable, Hashable {
        case stop, force, pause, resume
    }

    /// Ask for news; `isAsked` when the user did.
    case loadOffer(isAsked: Bool)
    /// Find out what a system's older versions cost.
    case price(SystemName)
    case loadCache
    case loadGuests
    /// Find out why a guest ended.
    case explainEnd(session: String, ImageName)
    case boot(ImageName, launch: Int)
    case order(GuestOrder, session: String)
    case console(session: String)
    case window(session: String)
    case fetch(ImageName, FetchItem.Extent, number: Int)
    case stopFetch(Int)
    case pin(ImageName, Bool)
    case remove(ImageName)
    case verify
    case addCatalog(CatalogRequest)
    case removeCatalog(String)
    case redraw, suspend, quit
}
