import Libvirt
import Linux

/// The processors of guests whose memory is to go on in other machines than the one it was saved on.
package enum PortableProcessor {
    /// What each machine has that can run a guest in hardware, with the features of `x86-64-v2`. QEMU 7.2 has no model of that name.
    package static let ofHardware = "Nehalem"

    /// All that emulation has. It is more from release to release, and each has what those before it had.
    static let allOfEmulation = "max"

    /// QEMU's name of the processor that a guest sees.
    /// - Parameters:
    ///   - level: see ``GuestSpecification/processor``.
    ///   - model: see ``GuestSpecification/processorModel``.
    /// - Returns: nil where the guest sees this machine's own.
    package static func name(
        _ architecture: GuestArchitecture, _ accelerator: Accelerator, level: ProcessorLevel?, model: String?
    ) -> String? {
        if let model { return model }
        if accelerator == .kvm { return nil }
        if architecture == .x86_64, let level, level > .v1 { return allOfEmulation }
        return DomainXML.usualModel(architecture)
    }
}

extension HypervisorConnection {
    /// Why no guest of a kind can be had here; nil where it can, as far as libvirt says. What it does not say is found out by a try.
    /// - Parameters:
    ///   - machine: QEMU's type of machine with its version.
    ///   - processor: QEMU's name of it.
    package func obstacle(
        machine: String, processor: String, _ accelerator: Accelerator, _ architecture: GuestArchitecture
    ) async throws -> String? {
        let connection = connection
        return try await WorkerThread.run(name: "libvirt machine") {
            let type = accelerator.domainType
            guard connection.supports(domainType: type, architecture: architecture.rawValue, machine: machine) else {
                return "it was saved on QEMU's machine \(machine), which this QEMU does not have"
            }
            // In emulation each QEMU has each of its models.
            guard accelerator == .kvm else { return nil }
            let hasProcessor = connection.hasProcessor(
                DomainXML.processor(named: processor), domainType: type, architecture: architecture.rawValue,
                machine: machine)
            return hasProcessor == false
                ? "it was saved on a \(processor), and this machine's processor lacks some of it" : nil
        }
    }
}
