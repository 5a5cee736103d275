/// Which devices a guest has, beside what a machine of type q35 or virt has built in. docs/devices.md gives the reasons.
///
/// A guest's memory can only be continued in a machine with the same devices. Whoever keeps one keeps this value with it
/// and compares: equal values mean that we ask for the same devices, whichever release of the program wrote them. QEMU's
/// machine version (`q35` and `virt` stand for the newest), processors, memory and accelerator are not part of it and must be kept
/// as well.
package struct GuestDevices: Sendable, Hashable, Codable {
    /// The number of the rules by which a value becomes a domain. It must rise when the value gets another shape, and when
    /// ``DomainXML`` writes the same value in another way that a guest can see.
    package static let currentLayout = 5

    /// The numbers of the rules for guests of x86_64: without a seed and on the usual processor, and for the others. Those of later layouts
    /// say the same of them, so that what was kept can go on.
    private static let layoutOfUsualGuests = 1
    private static let layoutOfSeeds = 2
    /// Of the rules for guests of other processors, for those with both a disk and a CD-ROM, and for those with a home.
    private static let layoutOfLaterGuests = 3
    /// Of the rules for guests that see a folder of the host, and for those whose screen is SPICE's.
    private static let layoutOfSharesAndSPICE = 4
    /// Of the rules for guests that have the slot for a folder whether they see one or not.
    private static let layoutOfAllWithPort = 5

    /// One device, as QEMU calls it.
    package enum Device: String, Sendable, Codable, CaseIterable {
        case disk = "virtio-blk"
        /// The controller of the CD-ROM.
        case sata = "ahci"
        case cdrom = "sata-cd"
        /// The controller of the CD-ROM where there is no ``sata``, and that CD-ROM.
        case scsi = "virtio-scsi"
        case scsiCDROM = "scsi-cd"
        /// The disk of the first boot's seed.
        case seed = "virtio-blk-seed"
        /// The disk that is the user's home.
        case home = "virtio-blk-home"
        /// The folder of the host, by QEMU.
        case share = "virtio-9p"
        /// The empty slot that a folder's own device is plugged in at. That one is none of these: it is never there while a guest is saved.
        case sharePort = "pcie-root-port"
        case serial = "isa-serial"
        /// The serial port where there is no ``serial``; the guest calls it ttyAMA0.
        case pl011
        case random = "virtio-rng"
        case network = "virtio-net"
        /// A display adapter that nobody sees.
        case vga = "vga"
        /// The display adapter behind a window.
        case screen = "virtio-vga"
        /// The same without VGA.
        case gpu = "virtio-gpu"
        /// The controller of the tablet and the keyboard.
        case usb = "qemu-xhci"
        /// The keyboard where no other is built in.
        case keyboard = "usb-kbd"
        /// A pointer that is where the mouse is.
        case tablet = "usb-tablet"
        /// The controller of ``agent``.
        case serialBus = "virtio-serial"
        /// The line to SPICE's agent in the guest.
        case agent = "spice-agent"
        /// Loudspeakers, and no microphone.
        case sound = "ich9-intel-hda"
    }

    /// Of the rules that the value was made by.
    package let layoutVersion: Int
    /// The processor's kind; nil for x86_64, which layouts 1 and 2 did not name.
    package let architecture: GuestArchitecture?
    package let firmware: GuestSpecification.Firmware
    /// Bytes of a sector of the disk; 2048 of a CD-ROM.
    package let sectorSize: Int
    /// In the order of ``Device``.
    package let devices: [Device]
    /// Whether the machine has a serial number, and whether its processor is all that emulation has; nil for no, and in layouts before 5, whose
    /// numbers said it.
    package let hasSerialNumber: Bool?
    package let hasMaximalProcessor: Bool?

    /// What a guest that is started now gets.
    package init(_ guest: GuestSpecification) {
        let isUsualProcessor = guest.architecture == .x86_64
        let isDisk = guest.overlayPath != nil
        let hasDrive = guest.media == .cdrom || !isDisk
        var chosen: Set<Device> = [isUsualProcessor ? .serial : .pl011, .random]
        if isDisk { chosen.insert(.disk) }
        if hasDrive { chosen.formUnion(isUsualProcessor ? [.sata, .cdrom] : [.scsi, .scsiCDROM]) }
        if guest.seed?.diskPath != nil { chosen.insert(.seed) }
        if guest.home != nil { chosen.insert(.home) }
        if guest.hasPort || guest.share?.kind == .virtiofs { chosen.insert(.sharePort) }
        if guest.share?.kind == .plan9 { chosen.insert(.share) }
        if guest.networkSocketPath != nil { chosen.insert(.network) }
        let isSPICE = guest.screen?.kind == .spice
        if isSPICE { chosen.formUnion([.serialBus, .agent, .sound]) }
        if guest.screen != nil {
            chosen.formUnion(isUsualProcessor ? [.screen, .usb, .tablet] : [.gpu, .usb, .keyboard, .tablet])
        } else if guest.hasDisplayAdapter, isUsualProcessor {
            chosen.insert(.vga)
        }
        if !guest.usbDevices.isEmpty { chosen.insert(.usb) }
        // The machine's serial number is part of it, too.
        let hasSeed = guest.seed?.diskPath != nil || guest.seed?.serialNumber != nil
        let isMaximal = DomainXML.hasMaximalProcessor(guest)
        let isUsual = !hasSeed && !isMaximal
        hasSerialNumber = guest.hasPort && guest.seed?.serialNumber != nil ? true : nil
        hasMaximalProcessor = guest.hasPort && isMaximal ? true : nil
        architecture = isUsualProcessor ? nil : guest.architecture
        let isLater = !isUsualProcessor || isDisk && hasDrive || guest.home != nil
        layoutVersion =
            if guest.hasPort {
                GuestDevices.layoutOfAllWithPort
            } else if guest.share != nil || isSPICE {
                GuestDevices.layoutOfSharesAndSPICE
            } else if isLater {
                GuestDevices.layoutOfLaterGuests
            } else {
                isUsual ? GuestDevices.layoutOfUsualGuests : GuestDevices.layoutOfSeeds
            }
        firmware = guest.firmware
        sectorSize = isDisk ? guest.sectorSize : 2048
        devices = Device.allCases.filter(chosen.contains)
    }

    package func has(_ device: Device) -> Bool { devices.contains(device) }

    /// Whether they are of the rules by which each guest has a slot: see ``GuestSpecification/hasPort``.
    package var hasPort: Bool { layoutVersion >= GuestDevices.layoutOfAllWithPort }
}
