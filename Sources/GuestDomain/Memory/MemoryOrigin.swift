import Linux

/// Where a guest's memory was saved: what it is compared with before it goes on somewhere.
///
/// QEMU itself compares little: it looks at the type of machine, the size of the memory and the devices, and not at the processor. What the
/// guest was given besides is a ``GuestDevices``.
package struct MemoryOrigin: Codable, Sendable, Equatable {
    package struct EmulatorVersion: Codable, Sendable, Equatable, CustomStringConvertible {
        package let major, minor, micro: Int

        package init(major: Int, minor: Int, micro: Int) {
            (self.major, self.minor, self.micro) = (major, minor, micro)
        }

        package var description: String { "\(major).\(minor).\(micro)" }

        /// Whether an older release than another one: fixes of the same release are none.
        func isOlder(than other: EmulatorVersion) -> Bool { (major, minor) < (other.major, other.minor) }
    }

    package var emulator: EmulatorVersion
    /// With its version, such as `pc-q35-7.2`.
    package var machine: String
    /// Where libvirt put the devices, in the order of its description.
    package var addresses: [String]
    /// This machine's processor, where the guest has that one itself; nil in emulation.
    package var processor: String?

    package init(emulator: EmulatorVersion, machine: String, addresses: [String], processor: String?) {
        (self.emulator, self.machine) = (emulator, machine)
        (self.addresses, self.processor) = (addresses, processor)
    }

    /// - Parameter xml: libvirt's description of the guest as it runs.
    /// - Returns: nil where that is none.
    init?(emulator: EmulatorVersion, xml: String, accelerator: Accelerator) {
        guard let machine = MemoryOrigin.machine(in: xml) else { return nil }
        self.emulator = emulator
        self.machine = machine
        addresses = MemoryOrigin.elements("<address ", in: xml)
        // A guest that has a named one has the same elsewhere.
        let isHost = accelerator == .kvm && !xml.contains("<cpu mode='custom'")
        processor = isHost ? HostProcessor.text : nil
    }

    private static func machine(in xml: String) -> String? {
        let type = elements("<type ", in: xml).first { $0.contains(" machine='") }
        return type?.split(separator: " machine='", maxSplits: 1).last.map { String($0.prefix { $0 != "'" }) }
    }

    /// The tags that begin like this, up to their `>`.
    private static func elements(_ beginning: String, in xml: String) -> [String] {
        xml.split(separator: beginning, omittingEmptySubsequences: false).dropFirst().map { rest in
            beginning + rest.prefix { $0 != ">" }
        }
    }

    /// Why a memory that was saved there does not go on in a guest that is like `now`; nil where it may.
    ///
    /// A newer QEMU reads what an older one wrote for the same type of machine; nobody promises the reverse.
    package func misfit(_ now: MemoryOrigin) -> String? {
        if now.emulator.isOlder(than: emulator) {
            return "it was saved by QEMU \(emulator), and this is \(now.emulator)"
        }
        if now.machine != machine { return "it was saved on QEMU's machine \(machine), and this is \(now.machine)" }
        if now.processor != processor { return "it was saved on another processor than this machine's" }
        if now.addresses != addresses { return "this libvirt puts the guest's devices elsewhere than at the save" }
        return nil
    }

    /// The part of ``misfit(_:)`` that is seen before there is a guest.
    /// - Parameters:
    ///   - version: of the QEMU that would run it; nil where that is not known.
    ///   - hasOwnModel: see ``GuestSpecification/processorModel``.
    package func misfit(
        _ version: EmulatorVersion?, _ accelerator: Accelerator, hasOwnModel: Bool = false, processor now: String? = nil
    ) -> String? {
        if let version, version.isOlder(than: emulator) {
            return "it was saved by QEMU \(emulator), and this is \(version)"
        }
        if processor != (accelerator == .kvm && !hasOwnModel ? now ?? HostProcessor.text : nil) {
            return "it was saved on another processor than this machine's"
        }
        return nil
    }

    /// What the user should know although it goes on; nil for nothing.
    package func note(_ now: MemoryOrigin) -> String? {
        guard (now.emulator.major, now.emulator.minor) != (emulator.major, emulator.minor) else { return nil }
        return "the guest was suspended by QEMU \(emulator), and goes on in \(now.emulator)"
    }
}

/// This machine's processor, for guests that have it themselves.
enum HostProcessor {
    /// Its model and what it can do, as /proc/cpuinfo has it.
    static var text: String {
        // Where /proc is missing nothing is known of it, here as well as later.
        let all = (try? FileContents.readText("/proc/cpuinfo", limit: 65_536)) ?? ""
        let first = all.split(separator: "\n\n", maxSplits: 1).first ?? ""
        let wanted = ["model name", "flags", "Features", "CPU part"]
        return first.split(separator: "\n").filter { line in wanted.contains { line.hasPrefix($0) } }
            .joined(separator: "; ")
    }
}
