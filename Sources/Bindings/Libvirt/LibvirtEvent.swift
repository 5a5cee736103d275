import CLibvirt

/// A change in a domain's life, as libvirt reports it.
package enum LibvirtEvent: Sendable, Equatable {
    case started
    case resumed
    /// Paused; `isForError` when the disk gave an error that stops the guest.
    case suspended(isForError: Bool)
    case shutdown
    /// Gone; `hasFailed` when not by its own power-off or our request.
    case stopped(hasFailed: Bool)
    case crashed
    /// It starts again from its firmware: it asked for that, or something else reset it.
    case rebooted
    /// A disk's read or write failed. `path` is the host's file, `device` the guest's device (`virtio-disk0`); `isFull` when
    /// the host's disk had no space for a write. ``suspended(isForError:)`` follows when the policy is to stop.
    case ioError(path: String, device: String, isFull: Bool)
    /// The driver's daemon is gone; no other event follows.
    case connectionLost
    case other

    init(event: Int32, detail: Int32) {
        switch UInt32(bitPattern: event) {
        case VIR_DOMAIN_EVENT_STARTED.rawValue: self = .started
        case VIR_DOMAIN_EVENT_RESUMED.rawValue: self = .resumed
        case VIR_DOMAIN_EVENT_SUSPENDED.rawValue:
            self = .suspended(isForError: UInt32(bitPattern: detail) == VIR_DOMAIN_EVENT_SUSPENDED_IOERROR.rawValue)
        case VIR_DOMAIN_EVENT_SHUTDOWN.rawValue: self = .shutdown
        case VIR_DOMAIN_EVENT_STOPPED.rawValue:
            self = .stopped(hasFailed: UInt32(bitPattern: detail) == VIR_DOMAIN_EVENT_STOPPED_FAILED.rawValue)
        case VIR_DOMAIN_EVENT_CRASHED.rawValue: self = .crashed
        default: self = .other
        }
    }
}
