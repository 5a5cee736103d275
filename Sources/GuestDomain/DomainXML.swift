/// libvirt's description of a guest.
package enum DomainXML {
    /// A number that rises with every change to what is rendered here that a guest can see. A guest's memory goes on only where it is the
    /// same.
    package static let version = 1

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
              <memory unit='MiB'>\(guest.memoryMiB)</memory>\(memory(guest))
              <vcpu>\(guest.cpus)</vcpu>
            \(system(guest))
              \(features(guest))
              \(processor(guest))
              <on_poweroff>destroy</on_poweroff>
              <on_reboot>restart</on_reboot>
              <on_crash>destroy</on_crash>
              <devices>
            \(elements.joined())\(handedOver(guest))\(absent(devices))  </devices>
            \(label(identity))\(information(guest))\(arguments(guest, devices))\(capabilities)</domain>

            """
    }

    /// A device's own lines; none for the network, which ``arguments(_:_:)`` has.
    private static func element(
        _ device: GuestDevices.Device, _ guest: GuestSpecification, labelsFiles: Bool
    ) -> String {
        switch device {
        case .disk: disk(guest, labelsFiles: labelsFiles)
        case .cdrom, .scsiCDROM: cdrom(guest, labelsFiles: labelsFiles)
        case .seed: seed(guest)
        case .home: home(guest)
        case .share: share(guest)
        case .sharePort: ""
        case .sata: "    <controller type='sata' index='0'/>\n"
        case .scsi: "    <controller type='scsi' index='0' model='virtio-scsi'/>\n"
        case .serial: serial(guest, target: "<target port='0'/>")
        case .pl011: serial(guest, target: "<target type='system-serial' port='0'><model name='pl011'/></target>")
        case .random: "    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>\n"
        case .network: ""
        case .vga: "    <video><model type='vga' heads='1' primary='yes'/></video>\n"
        case .screen, .gpu: screen(guest)
        case .usb: "    <controller type='usb' index='0' model='qemu-xhci'/>\n"
        case .keyboard: "    <input type='keyboard' bus='usb'/>\n"
        case .tablet: "    <input type='tablet' bus='usb'/>\n"
        case .serialBus: "    <controller type='virtio-serial' index='0'/>\n"
        case .agent: agent
        case .sound: sound
        }
    }

    /// What libvirt adds by itself unless it is told not to.
    private static func absent(_ devices: GuestDevices) -> String {
        let usb = devices.has(.usb) ? "" : "    <controller type='usb' index='0' model='none'/>\n"
        return usb + "    <memballoon model='none'/>\n"
    }

    private static func serial(_ guest: GuestSpecification, target: String) -> String {
        """
            <serial type='unix'>
              <source mode='connect' path='\(escape(guest.consoleSocketPath))'/>
              \(target)
            </serial>
            <console type='unix'>
              <source mode='connect' path='\(escape(guest.consoleSocketPath))'/>
              <target type='serial' port='0'/>
            </console>

        """
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

    // stop: a block that does not come pauses the guest, and the request is repeated when it goes on.
    private static let policy = "error_policy='stop' rerror_policy='stop'"

    /// relabel='no': the image lies on a read-only mount of the session's, and layers are shared by machines.
    private static func source(_ path: String, labelsFiles: Bool) -> String {
        let label = labelsFiles ? "<seclabel model='dac' relabel='no'/>" : ""
        return "<source file='\(escape(path))'>\(label)</source>"
    }

    private static func cdrom(_ guest: GuestSpecification, labelsFiles: Bool) -> String {
        // On IDE no stop was seen.
        let bus = guest.architecture == .x86_64 ? "sata" : "scsi"
        return """
                <disk type='file' device='cdrom'>
                  <driver name='qemu' type='raw' \(policy)/>
                  \(source(guest.imagePath, labelsFiles: labelsFiles))
                  <target dev='sda' bus='\(bus)'/>
                  <readonly/>
                </disk>

            """
    }

    private static func disk(_ guest: GuestSpecification, labelsFiles: Bool) -> String {
        let size = guest.sectorSize
        let sectors =
            size == 512 ? "" : "\n      <blockio logical_block_size='\(size)' physical_block_size='\(size)'/>"
        // Each file below is named here with its format: QEMU then neither probes one nor asks one what is below it.
        var below = guest.layers.map { (format: "qcow2", path: $0) }
        if guest.media == .disk { below.append(("raw", guest.imagePath)) }
        return """
                <disk type='file' device='disk'>
                  <driver name='qemu' type='qcow2' discard='unmap' \(policy)/>
                  <source file='\(escape(guest.overlayPath ?? ""))'/>
            \(chain(below[...], indent: 6, labelsFiles: labelsFiles))      <target dev='vda' bus='virtio'/>\(sectors)
                </disk>

            """
    }

    /// What lies below a disk, each file over the next.
    private static func chain(
        _ files: ArraySlice<(format: String, path: String)>, indent: Int, labelsFiles: Bool
    ) -> String {
        let space = String(repeating: " ", count: indent)
        guard let file = files.first else { return "\(space)<backingStore/>\n" }
        return """
            \(space)<backingStore type='file'>
            \(space)  <format type='\(file.format)'/>
            \(space)  \(source(file.path, labelsFiles: labelsFiles))
            \(chain(files.dropFirst(), indent: indent + 2, labelsFiles: labelsFiles))\(space)</backingStore>

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

    private static func home(_ guest: GuestSpecification) -> String { guest.home.map(home) ?? "" }

    /// Known in the guest by its serial number: what is on it may be another guest's lie. Also for one that is plugged into a guest that runs:
    /// libvirt makes a slot more than a guest's devices take.
    static func home(_ home: GuestHome) -> String {
        """
            <disk type='file' device='disk'>
              <driver name='qemu' type='raw' discard='unmap' detect_zeroes='unmap' error_policy='stop' rerror_policy='stop'/>
              <source file='\(escape(home.diskPath))'/>
              <target dev='vdc' bus='virtio'/>
              <serial>\(escape(GuestHome.label))</serial>
            </disk>

        """
    }

    /// A folder's server reads and writes what the guest hands it in the guest's own memory.
    private static func memory(_ guest: GuestSpecification) -> String {
        guard guest.share?.kind == .virtiofs else { return "" }
        return "\n  <memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"
    }

    /// mapped: owners, set-user-ID bits and devices that a guest makes are notes beside the files, and count for nobody here.
    private static func share(_ guest: GuestSpecification) -> String {
        guard let share = guest.share else { return "" }
        return """
                <filesystem type='mount' accessmode='\(share.isReadOnly ? "squash" : "mapped")'>
                  <source dir='\(escape(share.path))'/>
                  <target dir='\(GuestShare.tag)'/>\(share.isReadOnly ? "<readonly/>" : "")
                </filesystem>

            """
    }

    /// An empty slot, where ``GuestShare/plugging`` puts the device.
    private static func sharePort(_ devices: GuestDevices) -> [String] {
        guard devices.has(.sharePort) else { return [] }
        return ["-device", "pcie-root-port,id=\(GuestShare.port),bus=pcie.0,addr=0x11,chassis=240,port=0xf0"]
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
        // libvirt describes a SATA controller for each q35; QEMU makes none. `virt` has none to turn off.
        let sata = devices.has(.sata) || guest.architecture != .x86_64 ? [] : ["-machine", "sata=off"]
        let arguments = sata + network(guest) + sharePort(devices) + (guest.awaitsMemory ? ["-incoming", "defer"] : [])
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
            "virtio-net-pci,netdev=\(networkName),mac=\(guest.macAddress),addr=0x10,romfile=",
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
