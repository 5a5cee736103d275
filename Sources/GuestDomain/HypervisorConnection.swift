import Glibc
import Libvirt
import Linux

/// libvirt, as this session uses it. Closing it ends the guests that were started over it.
package final class HypervisorConnection: Sendable {
    package let uri: String
    let connection: LibvirtConnection

    private init(uri: String, connection: LibvirtConnection) {
        self.uri = uri
        self.connection = connection
    }

    /// A user's own daemon, which starts by itself; the machine's for root, so that QEMU never runs as root.
    package static var defaultURI: String { geteuid() == 0 ? "qemu:///system" : "qemu:///session" }

    /// - Throws: ``GuestDomainError/noDaemon(uri:cause:)``.
    package static func open(_ uri: String) async throws -> HypervisorConnection {
        try await WorkerThread.run(name: "libvirt open") {
            do throws(LibvirtError) {
                return HypervisorConnection(uri: uri, connection: try LibvirtConnection(uri: uri))
            } catch {
                throw GuestDomainError.noDaemon(uri: uri, cause: error)
            }
        }
    }

    /// Decides between hardware and emulation, and checks that libvirt has the emulator.
    /// - Throws: ``GuestDomainError/noHardwareVirtualization(reason:)``, ``GuestDomainError/noEmulator(uri:)``.
    package func accelerator(
        _ choice: AcceleratorChoice
    ) async throws -> (accelerator: Accelerator, reason: String) {
        let connection = connection
        let uri = uri
        return try await WorkerThread.run(name: "libvirt probe") {
            let probed = choice.probe()
            if choice == .kvm, let obstacle = choice.obstacle() {
                throw GuestDomainError.noHardwareVirtualization(reason: obstacle)
            }
            if probed.accelerator == .kvm {
                if connection.supports(domainType: "kvm") { return probed }
                if choice == .kvm { throw GuestDomainError.noHardwareVirtualization(reason: "libvirt does not offer it") }
            }
            guard connection.supports(domainType: "qemu") else { throw GuestDomainError.noEmulator(uri: uri) }
            return probed.accelerator == .tcg ? probed : (.tcg, "software emulation (slow): libvirt does not offer KVM")
        }
    }

    /// The user that QEMU runs as when that is not ours: it owns the sockets that QEMU connects to.
    package var emulatorUser: uid_t? {
        guard geteuid() == 0, uri.hasPrefix("qemu:///system") else { return nil }
        return getpwnam("libvirt-qemu")?.pointee.pw_uid
    }
}
