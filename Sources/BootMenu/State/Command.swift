/// What a key can mean.
package enum Command: Sendable, Hashable {
    case up, down, pageUp, pageDown, first, last
    case activate, enter, back, switchPane
    case find, details, offline, pin, remove, refresh
    case cache, verify, addCatalog, log, help
    case console, window, pause, stop, force
    case redraw, suspend, quit, quitAtOnce
}
