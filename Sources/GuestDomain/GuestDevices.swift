/// Which devices a guest has, beside what a machine of type q35 has built in. docs/devices.md gives the reasons.
///
/// A guest's memory can only be continued in a machine with the same devices. Whoever keeps one keeps this value with it
/// and compares: equal values mean that we ask for the same devices, whichever release of the program wrote them. QEMU's
/// machine version (`q35` stands for the newest), processors, memory and accelerator are not part of it and must be kept
/// as well.
package struct GuestDevices: Sendable, Hashable, Codable {
    /// The number of the rules by which a value becomes a domain. It must rise when the value gets another shape, and when
    /// ``DomainXML`` writes the same value in another way that a guest can see.
    package static let currentLayout = 3

    /// The numbers of the rules for guests without a home, and of these for such without a seed and on the usual processor: later rules say
    /// the same of them, so that what was kept can go on.
    private static let (layoutWithoutHomes, layoutOfUsualGuests) = (2, 1)

    /// One device, as QEMU calls it.
    package enum Device: String, Sendable, Codable, CaseIterable {
        case disk = "virtio-blk"
        /// The controller of the CD-ROM.
        case sata = "ahci"
        case cdrom = "sata-cd"
        /// The disk of the first boot's seed.
        case seed = "virtio-blk-seed"
        /// The disk that is the user's home.
        case home = "virtio-blk-home"
        case serial = "isa-serial"
        case random = "virtio-rng"
        case network = "virtio-net"
        /// A display adapter that nobody sees.
        case vga = "vga"
        /// The display adapter behind a window.
        case screen = "virtio-vga"
        /// The controller of the tablet.
        case usb = "qemu-xhci"
        /// A pointer that is where the mouse is.
        case tablet = "usb-tablet"
    }

    /// Of the rules that the value was made by.
    package let layoutVersion: Int
    package let firmware: GuestSpecification.Firmware
    /// Bytes of a sector of the disk; 2048 of a CD-ROM.
    package let sectorSize: Int
    /// In the order of ``Device``.
    package let devices: [Device]

    /// What a guest that is started now gets.
    package init(_ guest: GuestSpecification) {
        let isDisk = guest.media == .disk && guest.overlayPath != nil
        var chosen: Set<Device> = [.serial, .random]
        chosen.formUnion(isDisk ? [.disk] : [.sata, .cdrom])
        if guest.seed?.diskPath != nil { chosen.insert(.seed) }
        if guest.home != nil { chosen.insert(.home) }
        if guest.networkSocketPath != nil { chosen.insert(.network) }
        if guest.vncSocketPath != nil {
            chosen.formUnion([.screen, .usb, .tablet])
        } else if guest.hasDisplayAdapter {
            chosen.insert(.vga)
        }
        // The machine's serial number is part of it, too.
        let hasSeed = guest.seed?.diskPath != nil || guest.seed?.serialNumber != nil
        let isUsual = !hasSeed && !DomainXML.hasMaximalProcessor(guest)
        layoutVersion =
            guest.home != nil
            ? GuestDevices.currentLayout
            : isUsual ? GuestDevices.layoutOfUsualGuests : GuestDevices.layoutWithoutHomes
        firmware = guest.firmware
        sectorSize = isDisk ? guest.sectorSize : 2048
        devices = Device.allCases.filter(chosen.contains)
    }

    package func has(_ device: Device) -> Bool { devices.contains(device) }
}
