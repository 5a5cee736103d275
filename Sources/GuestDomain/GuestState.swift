import Libvirt

/// Where a guest is in its life.
package enum GuestState: Sendable, Equatable {
    case running
    /// QEMU holds it; `isForError` when a disk's request failed and waits to be repeated.
    case paused(isForError: Bool)
    case shuttingDown
    case off
    /// libvirt did not answer, or says nothing that counts here: the guest may well be there.
    case unknown

    init(_ state: LibvirtDomain.State) {
        switch state {
        case .running: self = .running
        case .paused(let isForError): self = .paused(isForError: isForError)
        case .shuttingDown: self = .shuttingDown
        case .off: self = .off
        case .other: self = .unknown
        }
    }

    /// What asking libvirt gave: only a domain that libvirt does not know is gone. Anything else that fails, such as a daemon
    /// out of threads, says nothing about the guest.
    init(asking: () throws -> LibvirtDomain.State) {
        do {
            self.init(try asking())
        } catch let error as LibvirtError where error.isNoDomain {
            self = .off
        } catch {
            self = .unknown
        }
    }
}

/// What happens to a guest.
package enum GuestEvent: Sendable, Equatable {
    case started
    /// A read or write of a disk failed; ``paused(isForError:)`` follows. `isFull`: the host has no space for the overlay, and
    /// the guest stops again at once when it goes on before there is some. `device` is QEMU's name, such as `virtio-disk0`.
    case ioError(device: String, isFull: Bool)
    /// QEMU stopped it; `isForError` when a read or write of its disk failed, and will be repeated when it goes on.
    case paused(isForError: Bool)
    case resumed
    case crashed
    /// It starts again from its firmware.
    case restarted
    /// It is gone; `hasFailed` when QEMU or libvirt ended by itself. Always the last one.
    case stopped(hasFailed: Bool)

    /// Nil for what says nothing about a guest that runs.
    init?(_ event: LibvirtEvent) {
        switch event {
        case .started: self = .started
        case .resumed: self = .resumed
        case .suspended(let isForError): self = .paused(isForError: isForError)
        case .ioError(_, let device, let isFull): self = .ioError(device: device, isFull: isFull)
        case .crashed: self = .crashed
        case .rebooted: self = .restarted
        case .stopped(let hasFailed): self = .stopped(hasFailed: hasFailed)
        // A guest ends with the connection that it was started over.
        case .connectionLost: self = .stopped(hasFailed: true)
        case .shutdown, .other: return nil
        }
    }
}
