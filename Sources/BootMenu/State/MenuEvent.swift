import Boot
import Curses

/// All that can happen to the menu.
package enum MenuEvent: Sendable {
    case input(ScreenInput)
    /// A click on something; `isDouble` when it follows one on the same.
    case hit(HitTarget, isDouble: Bool)
    case resized(ScreenSize)
    /// The time now, in seconds since 1970.
    case tick(Int64)
    case offer(MenuOffer)
    case guests([Guest])
    case picture(session: String, cells: [BlockMap.Cell])
    case launched(Int, SessionStatus)
    /// The guest of a launch runs.
    case launchUp(Int)
    case launchFailed(Int, String)
    case fetched(Int, done: UInt64, total: UInt64, rate: UInt64)
    case fetchEnded(Int, FetchItem.State)
    case cache(CacheOverview)
    case verified(done: Int, total: Int)
    case verifyEnded(String)
    case catalogAdded(String)
    case catalogRefused(String)
    /// The catalog may be followed if the user believes this fingerprint. `isPrivate`: nobody on the way can have changed it.
    case catalogAsks(CatalogRequest, isPrivate: Bool)
    /// Something was done that deserves a word.
    case said(String)
    case failed(String)
}
