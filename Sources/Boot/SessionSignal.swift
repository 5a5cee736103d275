import GuestDomain

/// What a session waits for while its guest runs.
enum SessionSignal: Sendable {
    case stop(force: Bool)
    case pause
    case resume
    case guest(GuestEvent)
    /// Reads gave up on blocks, or these are here now; the reader knows which.
    case stallChanged
    /// Time to ask whether the guest may go on.
    case resumeDue
    /// A call to libvirt ended.
    case ended(GuestCondition.Call, isDone: Bool)
    /// What libvirt said when it was asked.
    case seen(GuestState)
    /// Somebody unmounted the image.
    case mountEnded
    /// Time to look whether an event was lost.
    case tick
}
