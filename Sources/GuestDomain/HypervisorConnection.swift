import Glibc
import Libvirt
import Linux

/// libvirt, as this session uses it. Closing it ends the guests that were started over it.
package final class HypervisorConnection: Sendable {
    package let uri: String
    let connection: LibvirtConnection
    /// Nil when libvirt has no DAC model: then QEMU runs as the user of the daemon, and a label in the domain's
    /// description is refused.
    let identity: EmulatorIdentity?

    private init(uri: String, connection: LibvirtConnection, identity: EmulatorIdentity?) {
        self.uri = uri
        self.connection = connection
        self.identity = identity
    }

    /// A user's own daemon, which starts by itself; the machine's for root, so that QEMU never runs as root.
    package static var defaultURI: String { geteuid() == 0 ? "qemu:///system" : "qemu:///session" }

    /// - Throws: ``GuestDomainError/noDaemon(uri:cause:)``.
    package static func open(_ uri: String) async throws -> HypervisorConnection {
        try await WorkerThread.run(name: "libvirt open") {
            do throws(LibvirtError) {
                let connection = try LibvirtConnection(uri: uri)
                let identity = EmulatorIdentity(capabilities: try connection.capabilities())
                return HypervisorConnection(uri: uri, connection: connection, identity: identity)
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
                if choice == .kvm {
                    throw GuestDomainError.noHardwareVirtualization(reason: "libvirt does not offer it")
                }
            }
            guard connection.supports(domainType: "qemu") else { throw GuestDomainError.noEmulator(uri: uri) }
            return probed.accelerator == .tcg ? probed : (.tcg, "software emulation (slow): libvirt does not offer KVM")
        }
    }

    /// The user that QEMU runs as when that is not ours: it owns the sockets that QEMU connects to.
    package var emulatorUser: uid_t? {
        guard let identity, identity.user != geteuid() else { return nil }
        return identity.user
    }
}
