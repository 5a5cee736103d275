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
