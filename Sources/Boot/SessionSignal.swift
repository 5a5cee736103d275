import GuestDomain

/// What a session waits for while its guest runs.
enum SessionSignal: Sendable {
    case stop(force: Bool)
    case pause
    case resume
    case guest(GuestEvent)
    /// Reads gave up on blocks, or these are here now; the reader knows which.
    case stallChanged
    /// A resumption ended.
    case resumed(isDone: Bool)
    /// The user's pause ended.
    case suspended(isDone: Bool)
    /// Somebody unmounted the image.
    case mountEnded
    /// Time to look whether an event was lost.
    case tick
}
