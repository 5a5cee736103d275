/// libvirt's description of a guest.
package enum DomainXML {
    /// Renders a specification, with the devices that ``GuestDevices`` gives it. Pure; all text is escaped.
    /// - Parameter labelsFiles: libvirt gives files to QEMU's user (its security model DAC). Where it does not, in a user's
    ///   own daemon, it refuses a description that speaks of labels.
    /// - Parameter identity: the user and group that QEMU runs as; nil for those of libvirt's configuration.
    package static func render(
        _ guest: GuestSpecification, labelsFiles: Bool, identity: EmulatorIdentity? = nil
    ) -> String {
        let devices = GuestDevices(guest)
        let elements = devices.devices.map { element($0, guest, labelsFiles: labelsFiles) }
        return """
            <domain type='\(guest.accelerator.domainType)' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
              <name>\(escape(guest.name))</name>
              <uuid>\(escape(guest.uuid))</uuid>
              <memory unit='MiB'>\(guest.memoryMiB)</memory>
              <vcpu>\(guest.cpus)</vcpu>
            \(system(guest))
              <features><acpi/><apic/><vmport state='off'/></features>
              \(processor(guest))
              <on_poweroff>destroy</on_poweroff>
              <on_reboot>restart</on_reboot>
              <on_crash>destroy</on_crash>
              <devices>
            \(elements.joined())\(absent(devices))  </devices>
            \(label(identity))\(information(guest))\(arguments(guest, devices))\(capabilities)</domain>

            """
    }

    /// A device's own lines; none for the network, which ``arguments(_:_:)`` has.
    private static func element(
        _ device: GuestDevices.Device, _ guest: GuestSpecification, labelsFiles: Bool
    ) -> String {
        switch device {
        case .disk, .cdrom: disk(guest, labelsFiles: labelsFiles) + "\n"
        case .seed: seed(guest)
        case .home: home(guest)
        case .sata: "    <controller type='sata' index='0'/>\n"
        case .serial: serial(guest)
        case .random: "    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>\n"
        case .network: ""
        case .vga: "    <video><model type='vga' heads='1' primary='yes'/></video>\n"
        case .screen: screen(guest)
        case .usb: "    <controller type='usb' index='0' model='qemu-xhci'/>\n"
        case .tablet: "    <input type='tablet' bus='usb'/>\n"
        }
    }

    /// What libvirt adds by itself unless it is told not to.
    private static func absent(_ devices: GuestDevices) -> String {
        let usb = devices.has(.usb) ? "" : "    <controller type='usb' index='0' model='none'/>\n"
        return usb + "    <memballoon model='none'/>\n"
    }

    private static func serial(_ guest: GuestSpecification) -> String {
        """
            <serial type='unix'>
              <source mode='connect' path='\(escape(guest.consoleSocketPath))'/>
              <target port='0'/>
            </serial>
            <console type='unix'>
              <source mode='connect' path='\(escape(guest.consoleSocketPath))'/>
              <target type='serial' port='0'/>
            </console>

        """
    }

    /// In emulation the plainest one, which is the quickest, or all that QEMU's translator has.
    private static func processor(_ guest: GuestSpecification) -> String {
        if guest.accelerator == .kvm { return "<cpu mode='host-passthrough'/>" }
        if hasMaximalProcessor(guest) { return "<cpu mode='maximum'/>" }
        return "<cpu mode='custom' match='exact'><model fallback='forbid'>qemu64</model></cpu>"
    }

    /// Whether the guest's processor is all that emulation has, instead of the usual one.
    static func hasMaximalProcessor(_ guest: GuestSpecification) -> Bool {
        guard guest.accelerator != .kvm, let level = guest.processor else { return false }
        return level > .v1
    }

    private static func system(_ guest: GuestSpecification) -> String {
        let boot = guest.media == .disk ? "hd" : "cdrom"
        let numbers = guest.seed?.serialNumber == nil ? "" : "<smbios mode='sysinfo'/>"
        switch guest.firmware {
        case .bios:
            return "  <os><type arch='x86_64' machine='q35'>hvm</type><boot dev='\(boot)'/>\(numbers)</os>"
        case .uefi:
            // A variable store of ours: libvirt leaves one that it makes for a transient domain behind.
            return """
                  <os>
                    <type arch='x86_64' machine='q35'>hvm</type>
                    <loader readonly='yes' type='pflash'>\(UEFIFirmware.code)</loader>
                    <nvram>\(escape(guest.nvramPath))</nvram>
                    <boot dev='\(boot)'/>\(numbers)
                  </os>
                """
        }
    }

    /// libvirt gives the files of the domain to this user then, and back at its end.
    private static func label(_ identity: EmulatorIdentity?) -> String {
        guard let identity else { return "" }
        return """
              <seclabel type='static' model='dac' relabel='yes'>
                <label>+\(identity.user):+\(identity.group)</label>
              </seclabel>

            """
    }

    private static func disk(_ guest: GuestSpecification, labelsFiles: Bool) -> String {
        // relabel='no': the image lies on a read-only mount of the session's.
        let label = labelsFiles ? "<seclabel model='dac' relabel='no'/>" : ""
        let image = "<source file='\(escape(guest.imagePath))'>\(label)</source>"
        // stop: a block that does not come pauses the guest, and the request is repeated when it goes on.
        let policy = "error_policy='stop' rerror_policy='stop'"
        guard guest.media == .disk, let overlay = guest.overlayPath else {
            // SATA: on IDE no stop was seen.
            return """
                    <disk type='file' device='cdrom'>
                      <driver name='qemu' type='raw' \(policy)/>
                      \(image)
                      <target dev='sda' bus='sata'/>
                      <readonly/>
                    </disk>
                """
        }
        let size = guest.sectorSize
        let sectors =
            size == 512 ? "" : "\n      <blockio logical_block_size='\(size)' physical_block_size='\(size)'/>"
        return """
                <disk type='file' device='disk'>
                  <driver name='qemu' type='qcow2' discard='unmap' \(policy)/>
                  <source file='\(escape(overlay))'/>
                  <backingStore type='file'>
                    <format type='raw'/>
                    \(image)
                    <backingStore/>
                  </backingStore>
                  <target dev='vda' bus='virtio'/>\(sectors)
                </disk>
            """
    }

    private static func screen(_ guest: GuestSpecification) -> String {
        guard let socket = guest.vncSocketPath else { return "" }
        return """
                <graphics type='vnc' socket='\(escape(socket))'/>
                <video><model type='virtio' heads='1' primary='yes'/></video>

            """
    }

    private static func seed(_ guest: GuestSpecification) -> String {
        guard let path = guest.seed?.diskPath else { return "" }
        return """
                <disk type='file' device='disk'>
                  <driver name='qemu' type='raw'/>
                  <source file='\(escape(path))'/>
                  <target dev='vdb' bus='virtio'/>
                  <readonly/>
                </disk>

            """
    }

    /// Known in the guest by its serial number: what is on it may be another guest's lie.
    private static func home(_ guest: GuestSpecification) -> String {
        guard let home = guest.home else { return "" }
        return """
                <disk type='file' device='disk'>
                  <driver name='qemu' type='raw' discard='unmap' detect_zeroes='unmap' error_policy='stop' rerror_policy='stop'/>
                  <source file='\(escape(home.diskPath))'/>
                  <target dev='vdc' bus='virtio'/>
                  <serial>\(escape(GuestHome.label))</serial>
                </disk>

            """
    }

    /// What the guest's firmware tables and fw_cfg say. Nothing secret but in files: the rest stands in QEMU's command line.
    private static func information(_ guest: GuestSpecification) -> String {
        var text = ""
        if let number = guest.seed?.serialNumber {
            text +=
                "  <sysinfo type='smbios'><system><entry name='serial'>\(escape(number))</entry></system></sysinfo>\n"
        }
        let entries = (guest.firmwareEntries + (guest.seed?.firmwareEntries ?? [])).map {
            "    <entry name='\(escape($0.name))' file='\(escape($0.path))'/>\n"
        }
        if !entries.isEmpty { text += "  <sysinfo type='fwcfg'>\n\(entries.joined())  </sysinfo>\n" }
        return text
    }

    /// libvirt else asks QEMU for 400 properties of its processor, one after the other, which QEMU reads byte by byte: half a
    /// second before the guest runs. Without this capability it asks for two lists of the same features. A libvirt to which it
    /// means nothing any more still knows the name, and asks in its own way.
    private static let capabilities = """
          <qemu:capabilities>
            <qemu:del capability='cpu-unavailable-features'/>
          </qemu:capabilities>

        """

    /// What has no place in libvirt's own description comes as QEMU arguments.
    private static func arguments(_ guest: GuestSpecification, _ devices: GuestDevices) -> String {
        // libvirt describes a SATA controller for each q35; QEMU makes none.
        let sata = devices.has(.sata) ? [] : ["-machine", "sata=off"]
        let arguments = sata + network(guest)
        guard !arguments.isEmpty else { return "" }
        let lines = arguments.map { "    <qemu:arg value='\(escape($0))'/>\n" }
        return "  <qemu:commandline>\n\(lines.joined())  </qemu:commandline>\n"
    }

    /// The network's name to QEMU.
    static let networkName = "osc"

    /// QEMU's stream backend.
    private static func network(_ guest: GuestSpecification) -> [String] {
        guard let socket = guest.networkSocketPath else { return [] }
        // A comma would end the option's value.
        let path = socket.split(separator: ",", omittingEmptySubsequences: false).joined(separator: ",,")
        return [
            "-netdev", "stream,id=\(networkName),server=off,addr.type=unix,addr.path=\(path)", "-device",
            "virtio-net-pci,netdev=\(networkName),mac=52:54:00:0a:00:0f,addr=0x10,romfile=",
        ]
    }

    /// Text for an XML element or attribute. Characters that XML cannot hold are left out.
    static func escape(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "&": result += "&amp;"
            case "'": result += "&apos;"
            case "\"": result += "&quot;"
            // Plain ones become spaces in an attribute.
            case "\t", "\n", "\r": result += "&#\(scalar.value);"
            case _ where scalar.value < 32 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: break
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
