/// What a guest's machine is before it has devices: processor, firmware, and what is built in.
extension DomainXML {
    static func features(_ guest: GuestSpecification) -> String {
        switch (guest.architecture, guest.accelerator) {
        case (.x86_64, _): "<features><acpi/><apic/><vmport state='off'/></features>"
        // Of the older ones a guest has at most eight processors.
        case (.aarch64, .tcg): "<features><acpi/><gic version='3'/></features>"
        // The processor's own is not always to be chosen.
        case (.aarch64, .kvm): "<features><acpi/><gic version='host'/></features>"
        }
    }

    /// In emulation the plainest one, which is the quickest, or all that QEMU's translator has.
    static func processor(_ guest: GuestSpecification) -> String {
        if let model = guest.processorModel { return processor(named: model) }
        if guest.accelerator == .kvm { return "<cpu mode='host-passthrough'/>" }
        if hasMaximalProcessor(guest) { return "<cpu mode='maximum'/>" }
        return processor(named: usualModel(guest.architecture))
    }

    /// All of aarch64 would be pointers that are signed, which costs more in emulation than everything else.
    static func usualModel(_ architecture: GuestArchitecture) -> String {
        architecture == .x86_64 ? "qemu64" : "cortex-a72"
    }

    static func processor(named model: String) -> String {
        "<cpu mode='custom' match='exact'><model fallback='forbid'>\(escape(model))</model></cpu>"
    }

    /// Whether the guest's processor is all that emulation has, instead of the usual one.
    static func hasMaximalProcessor(_ guest: GuestSpecification) -> Bool {
        guard guest.architecture == .x86_64, guest.accelerator != .kvm, let level = guest.processor else {
            return false
        }
        return level > .v1
    }

    static func system(_ guest: GuestSpecification) -> String {
        // An empty disk is passed over, so that installers begin from their CD-ROM, and what they installed from the disk.
        let devices = guest.media == .disk ? ["hd"] : guest.overlayPath == nil ? ["cdrom"] : ["hd", "cdrom"]
        let boot = devices.map { "<boot dev='\($0)'/>" }.joined()
        let numbers = guest.seed?.serialNumber == nil ? "" : "<smbios mode='sysinfo'/>"
        let machine = escape(guest.machineType ?? guest.architecture.machine)
        let type = "<type arch='\(guest.architecture.rawValue)' machine='\(machine)'>hvm</type>"
        switch guest.firmware {
        case .bios:
            return "  <os>\(type)\(boot)\(numbers)</os>"
        case .uefi:
            // A variable store of ours: libvirt leaves one that it makes for a transient domain behind.
            return """
                  <os>
                    \(type)
                    <loader readonly='yes' type='pflash'>\(guest.architecture.firmware.code)</loader>
                    <nvram>\(escape(guest.nvramPath))</nvram>
                    \(boot)\(numbers)
                  </os>
                """
        }
    }
}
