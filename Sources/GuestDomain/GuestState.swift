import Libvirt

/// Where a guest is in its life.
package enum GuestState: Sendable, Equatable {
    case running
    /// QEMU holds it; `isForError` when a disk's request failed and waits to be repeated.
    case paused(isForError: Bool)
    case shuttingDown
    case off

    init(_ state: LibvirtDomain.State) {
        switch state {
        case .running: self = .running
        case .paused(let isForError): self = .paused(isForError: isForError)
        case .shuttingDown: self = .shuttingDown
        case .off: self = .off
        }
    }
}
