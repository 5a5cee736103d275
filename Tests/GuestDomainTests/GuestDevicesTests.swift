import FoundationEssentials
import TestSupport
import Testing

@testable import GuestDomain

@Suite struct GuestDevicesTests {
    /// All kinds of guests without a seed.
    private static let seedless: [GuestSpecification] = {
        var guests: [GuestSpecification] = []
        for media in [GuestSpecification.Media.disk, .cdrom] {
            for (hasWindow, hasAdapter) in [(false, true), (false, false), (true, true)] {
                for hasNetwork in [true, false] {
                    var guest = DomainXMLTests.disk
                    guest.media = media
                    if media == .cdrom { guest.overlayPath = nil }
                    guest.screen = hasWindow ? GuestScreen(.vnc, socketPath: "/run/osc/screen/qemu") : nil
                    guest.hasDisplayAdapter = hasAdapter
                    if !hasNetwork { guest.networkSocketPath = nil }
                    guests.append(guest)
                }
            }
        }
        return guests
    }()

    /// The same with a seed on a disk; and one whose seed lies in its firmware alone, which is no device.
    private static let seeded = seedless.map { guest in
        var guest = guest
        guest.seed = .init(diskPath: "/run/osc/fw/seed", serialNumber: "ds=nocloud")
        return guest
    }

    /// Those with and without a seed for another processor.
    private static let forAArch64 = (seedless + seeded).map { guest in
        var guest = guest
        guest.architecture = .aarch64
        guest.firmware = .uefi
        return guest
    }

    /// CD-ROMs with a disk beside them.
    private static let installers = seedless.filter { $0.media == .disk && !$0.hasDisplayAdapter }.map { guest in
        var guest = guest
        guest.media = .cdrom
        return guest
    }

    /// The same with a home.
    private static let housed = (seedless + seeded).map { guest in
        var guest = guest
        guest.home = GuestHome(diskPath: "/var/lib/osc/homes/work.raw", user: "ann")
        return guest
    }

    /// Some that see a folder of the host: by its server, and by QEMU.
    private static let shared = [GuestShare.Kind.virtiofs, .plan9].flatMap { kind in
        [seedless[0], housed[0], forAArch64[0]].map { guest in
            var guest = guest
            guest.share = GuestShare(kind: kind, path: "/home/ann/src", isReadOnly: false, socketPath: "/run/osc/share")
            return guest
        }
    }

    /// Those with a window, by SPICE.
    private static let withSPICE = (seedless + seeded + forAArch64 + housed).filter { $0.screen != nil }.map { guest in
        var guest = guest
        guest.screen = GuestScreen(.spice, socketPath: "/run/osc/screen/qemu")
        return guest
    }

    /// As releases had them that gave a slot only to guests with a folder.
    private static func withoutPort(_ guest: GuestSpecification) -> GuestSpecification {
        var guest = guest
        guest.hasPort = false
        return guest
    }

    private static var guests: [GuestSpecification] {
        seedless + seeded + forAArch64 + installers + housed + shared + withSPICE
    }

    /// What each device is in a domain.
    private static let marks: [GuestDevices.Device: String] = [
        .disk: "<target dev='vda' bus='virtio'/>", .sata: "<controller type='sata'",
        .cdrom: "<target dev='sda' bus='sata'/>", .scsi: "<controller type='scsi' index='0' model='virtio-scsi'/>",
        .scsiCDROM: "<target dev='sda' bus='scsi'/>", .seed: "<target dev='vdb' bus='virtio'/>",
        .home: "<target dev='vdc' bus='virtio'/>", .share: "<filesystem type='mount'", .sharePort: "'pcie-root-port,",
        .serial: "<target port='0'/>\n    </serial>", .pl011: "<model name='pl011'/></target>\n    </serial>",
        .random: "<rng model='virtio'>",
        .network: "'virtio-net-pci,", .vga: "<model type='vga'", .screen: "<model type='virtio' heads",
        .gpu: "<model type='virtio' heads", .usb: "model='qemu-xhci'/>", .keyboard: "<input type='keyboard'",
        .tablet: "<input type='tablet' bus='usb'/>",
        .serialBus: "<controller type='virtio-serial' index='0'/>", .agent: "name='com.redhat.spice.0'/></channel>",
        .sound: "<sound model='ich9'><codec type='output'/><audio id='1'/></sound>",
    ]

    @Test func theDomainHasTheDevicesOfTheValueAndNoOthers() throws {
        #expect(Self.marks.count == GuestDevices.Device.allCases.count)
        for guest in Self.guests + Self.guests.map(Self.withoutPort) {
            let devices = GuestDevices(guest)
            let xml = DomainXML.render(guest, labelsFiles: true)
            // Which of the two a screen is follows from the machine.
            let otherScreen: GuestDevices.Device = guest.architecture == .x86_64 ? .gpu : .screen
            let found = GuestDevices.Device.allCases.filter {
                $0 != otherScreen && xml.contains(Self.marks[$0] ?? "no mark")
            }
            #expect(found == devices.devices)
            // What is not there is said to be absent: libvirt and QEMU else add it.
            #expect(xml.contains("<memballoon model='none'/>"))
            #expect(xml.contains("<controller type='usb' index='0' model='none'/>") == !devices.has(.usb))
            #expect(xml.contains("'sata=off'") == (guest.architecture == .x86_64 && !devices.has(.sata)))
            // No device beside those: each element is one of a known device, or of something absent.
            let elements = xml.split(separator: "\n").filter { $0.hasPrefix("    <") && !$0.hasPrefix("    </") }
            let kinds = Set(elements.compactMap { $0.dropFirst(5).split(whereSeparator: " />".contains).first })
            #expect(
                kinds.isSubset(of: [
                    "disk", "filesystem", "controller", "serial", "console", "rng", "video", "graphics", "input",
                    "memballoon", "channel", "sound", "audio",
                    "entry", "qemu:arg", "qemu:del",
                    // Of the firmware.
                    "type", "loader", "nvram", "boot",
                ]), "\(kinds)")
        }
    }

    @Test func aControllerIsThereOnlyForWhatHangsOnIt() {
        for guest in Self.guests {
            let devices = GuestDevices(guest)
            #expect(devices.has(.disk) == (guest.overlayPath != nil))
            #expect(devices.has(.usb) == (guest.screen != nil))
            let isUsual = guest.architecture == .x86_64
            #expect(devices.has(.sata) == (isUsual && guest.media == .cdrom))
            #expect(devices.has(.scsi) == (!isUsual && guest.media == .cdrom))
            #expect(devices.has(.keyboard) == (!isUsual && guest.screen != nil))
            #expect(devices.has(.seed) == (guest.seed != nil))
            let isSPICE = guest.screen?.kind == .spice
            #expect([.serialBus, .agent, .sound].allSatisfy { devices.has($0) == isSPICE })
            #expect(devices.has(.vga) == (isUsual && guest.screen == nil && guest.hasDisplayAdapter))
        }
    }

    /// What each number meant. A new number gets an entry of its own; the old ones stay.
    private static let layouts: [Int: [String]] = [
        1: [
            #"{"devices":["virtio-blk","isa-serial","virtio-rng","virtio-net","vga"],"firmware":"bios","layoutVersion":1,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","isa-serial","virtio-rng","vga"],"firmware":"bios","layoutVersion":1,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","isa-serial","virtio-rng","virtio-net"],"firmware":"bios","layoutVersion":1,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","isa-serial","virtio-rng"],"firmware":"bios","layoutVersion":1,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","layoutVersion":1,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","layoutVersion":1,"sectorSize":512}"#,
            #"{"devices":["ahci","sata-cd","isa-serial","virtio-rng","virtio-net","vga"],"firmware":"bios","layoutVersion":1,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","isa-serial","virtio-rng","vga"],"firmware":"bios","layoutVersion":1,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","isa-serial","virtio-rng","virtio-net"],"firmware":"bios","layoutVersion":1,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","isa-serial","virtio-rng"],"firmware":"bios","layoutVersion":1,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","layoutVersion":1,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","layoutVersion":1,"sectorSize":2048}"#,
        ],
        2: [
            #"{"devices":["virtio-blk","virtio-blk-seed","isa-serial","virtio-rng","virtio-net","vga"],"firmware":"bios","layoutVersion":2,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","isa-serial","virtio-rng","vga"],"firmware":"bios","layoutVersion":2,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","isa-serial","virtio-rng","virtio-net"],"firmware":"bios","layoutVersion":2,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","isa-serial","virtio-rng"],"firmware":"bios","layoutVersion":2,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","layoutVersion":2,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","layoutVersion":2,"sectorSize":512}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","isa-serial","virtio-rng","virtio-net","vga"],"firmware":"bios","layoutVersion":2,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","isa-serial","virtio-rng","vga"],"firmware":"bios","layoutVersion":2,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","isa-serial","virtio-rng","virtio-net"],"firmware":"bios","layoutVersion":2,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","isa-serial","virtio-rng"],"firmware":"bios","layoutVersion":2,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","layoutVersion":2,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","layoutVersion":2,"sectorSize":2048}"#,
        ],
        3: [
            #"{"architecture":"aarch64","devices":["virtio-blk","pl011","virtio-rng","virtio-net"],"firmware":"uefi","layoutVersion":3,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","pl011","virtio-rng"],"firmware":"uefi","layoutVersion":3,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","pl011","virtio-rng","virtio-net"],"firmware":"uefi","layoutVersion":3,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","pl011","virtio-rng"],"firmware":"uefi","layoutVersion":3,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","pl011","virtio-rng","virtio-net","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet"],"firmware":"uefi","layoutVersion":3,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","pl011","virtio-rng","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet"],"firmware":"uefi","layoutVersion":3,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","pl011","virtio-rng","virtio-net"],"firmware":"uefi","layoutVersion":3,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","pl011","virtio-rng"],"firmware":"uefi","layoutVersion":3,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","pl011","virtio-rng","virtio-net"],"firmware":"uefi","layoutVersion":3,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","pl011","virtio-rng"],"firmware":"uefi","layoutVersion":3,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","pl011","virtio-rng","virtio-net","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet"],"firmware":"uefi","layoutVersion":3,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","pl011","virtio-rng","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet"],"firmware":"uefi","layoutVersion":3,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","virtio-blk-seed","pl011","virtio-rng","virtio-net"],"firmware":"uefi","layoutVersion":3,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","virtio-blk-seed","pl011","virtio-rng"],"firmware":"uefi","layoutVersion":3,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","virtio-blk-seed","pl011","virtio-rng","virtio-net"],"firmware":"uefi","layoutVersion":3,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","virtio-blk-seed","pl011","virtio-rng"],"firmware":"uefi","layoutVersion":3,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","virtio-blk-seed","pl011","virtio-rng","virtio-net","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet"],"firmware":"uefi","layoutVersion":3,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","virtio-blk-seed","pl011","virtio-rng","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet"],"firmware":"uefi","layoutVersion":3,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","virtio-blk-seed","pl011","virtio-rng","virtio-net"],"firmware":"uefi","layoutVersion":3,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","virtio-blk-seed","pl011","virtio-rng"],"firmware":"uefi","layoutVersion":3,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","virtio-blk-seed","pl011","virtio-rng","virtio-net"],"firmware":"uefi","layoutVersion":3,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","virtio-blk-seed","pl011","virtio-rng"],"firmware":"uefi","layoutVersion":3,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","virtio-blk-seed","pl011","virtio-rng","virtio-net","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet"],"firmware":"uefi","layoutVersion":3,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","virtio-blk-seed","pl011","virtio-rng","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet"],"firmware":"uefi","layoutVersion":3,"sectorSize":2048}"#,
            #"{"devices":["virtio-blk","ahci","sata-cd","isa-serial","virtio-rng","virtio-net"],"firmware":"bios","layoutVersion":3,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","ahci","sata-cd","isa-serial","virtio-rng"],"firmware":"bios","layoutVersion":3,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-home","isa-serial","virtio-rng","virtio-net","vga"],"firmware":"bios","layoutVersion":3,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-home","isa-serial","virtio-rng","vga"],"firmware":"bios","layoutVersion":3,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-home","isa-serial","virtio-rng","virtio-net"],"firmware":"bios","layoutVersion":3,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-home","isa-serial","virtio-rng"],"firmware":"bios","layoutVersion":3,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-home","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","layoutVersion":3,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-home","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","layoutVersion":3,"sectorSize":512}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-home","isa-serial","virtio-rng","virtio-net","vga"],"firmware":"bios","layoutVersion":3,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-home","isa-serial","virtio-rng","vga"],"firmware":"bios","layoutVersion":3,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-home","isa-serial","virtio-rng","virtio-net"],"firmware":"bios","layoutVersion":3,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-home","isa-serial","virtio-rng"],"firmware":"bios","layoutVersion":3,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-home","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","layoutVersion":3,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-home","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","layoutVersion":3,"sectorSize":2048}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","virtio-blk-home","isa-serial","virtio-rng","virtio-net","vga"],"firmware":"bios","layoutVersion":3,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","virtio-blk-home","isa-serial","virtio-rng","vga"],"firmware":"bios","layoutVersion":3,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","virtio-blk-home","isa-serial","virtio-rng","virtio-net"],"firmware":"bios","layoutVersion":3,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","virtio-blk-home","isa-serial","virtio-rng"],"firmware":"bios","layoutVersion":3,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","virtio-blk-home","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","layoutVersion":3,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","virtio-blk-home","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","layoutVersion":3,"sectorSize":512}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","virtio-blk-home","isa-serial","virtio-rng","virtio-net","vga"],"firmware":"bios","layoutVersion":3,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","virtio-blk-home","isa-serial","virtio-rng","vga"],"firmware":"bios","layoutVersion":3,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","virtio-blk-home","isa-serial","virtio-rng","virtio-net"],"firmware":"bios","layoutVersion":3,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","virtio-blk-home","isa-serial","virtio-rng"],"firmware":"bios","layoutVersion":3,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","virtio-blk-home","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","layoutVersion":3,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","virtio-blk-home","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","layoutVersion":3,"sectorSize":2048}"#,
        ],
        4: [
            #"{"devices":["virtio-blk","pcie-root-port","isa-serial","virtio-rng","virtio-net","vga"],"firmware":"bios","layoutVersion":4,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-net","vga"],"firmware":"bios","layoutVersion":4,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","pcie-root-port","pl011","virtio-rng","virtio-net"],"firmware":"uefi","layoutVersion":4,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-9p","isa-serial","virtio-rng","virtio-net","vga"],"firmware":"bios","layoutVersion":4,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-home","virtio-9p","isa-serial","virtio-rng","virtio-net","vga"],"firmware":"bios","layoutVersion":4,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","virtio-9p","pl011","virtio-rng","virtio-net"],"firmware":"uefi","layoutVersion":4,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","layoutVersion":4,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","layoutVersion":4,"sectorSize":512}"#,
            #"{"devices":["ahci","sata-cd","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","layoutVersion":4,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","layoutVersion":4,"sectorSize":2048}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","layoutVersion":4,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","layoutVersion":4,"sectorSize":512}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","layoutVersion":4,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","layoutVersion":4,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","pl011","virtio-rng","virtio-net","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"uefi","layoutVersion":4,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","pl011","virtio-rng","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"uefi","layoutVersion":4,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","pl011","virtio-rng","virtio-net","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"uefi","layoutVersion":4,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","pl011","virtio-rng","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"uefi","layoutVersion":4,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","virtio-blk-seed","pl011","virtio-rng","virtio-net","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"uefi","layoutVersion":4,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","virtio-blk-seed","pl011","virtio-rng","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"uefi","layoutVersion":4,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","virtio-blk-seed","pl011","virtio-rng","virtio-net","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"uefi","layoutVersion":4,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","virtio-blk-seed","pl011","virtio-rng","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"uefi","layoutVersion":4,"sectorSize":2048}"#,
            #"{"devices":["virtio-blk","virtio-blk-home","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","layoutVersion":4,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-home","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","layoutVersion":4,"sectorSize":512}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-home","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","layoutVersion":4,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-home","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","layoutVersion":4,"sectorSize":2048}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","virtio-blk-home","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","layoutVersion":4,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","virtio-blk-home","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","layoutVersion":4,"sectorSize":512}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","virtio-blk-home","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","layoutVersion":4,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","virtio-blk-home","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","layoutVersion":4,"sectorSize":2048}"#,
        ],
        5: [
            #"{"devices":["virtio-blk","pcie-root-port","isa-serial","virtio-rng","virtio-net","vga"],"firmware":"bios","layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","pcie-root-port","isa-serial","virtio-rng","vga"],"firmware":"bios","layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","pcie-root-port","isa-serial","virtio-rng","virtio-net"],"firmware":"bios","layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","pcie-root-port","isa-serial","virtio-rng"],"firmware":"bios","layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","pcie-root-port","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","pcie-root-port","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["ahci","sata-cd","pcie-root-port","isa-serial","virtio-rng","virtio-net","vga"],"firmware":"bios","layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","pcie-root-port","isa-serial","virtio-rng","vga"],"firmware":"bios","layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","pcie-root-port","isa-serial","virtio-rng","virtio-net"],"firmware":"bios","layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","pcie-root-port","isa-serial","virtio-rng"],"firmware":"bios","layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","pcie-root-port","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","pcie-root-port","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","pcie-root-port","isa-serial","virtio-rng","virtio-net","vga"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","pcie-root-port","isa-serial","virtio-rng","vga"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","pcie-root-port","isa-serial","virtio-rng","virtio-net"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","pcie-root-port","isa-serial","virtio-rng"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","pcie-root-port","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","pcie-root-port","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","pcie-root-port","isa-serial","virtio-rng","virtio-net","vga"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","pcie-root-port","isa-serial","virtio-rng","vga"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","pcie-root-port","isa-serial","virtio-rng","virtio-net"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","pcie-root-port","isa-serial","virtio-rng"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","pcie-root-port","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","pcie-root-port","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","pcie-root-port","pl011","virtio-rng","virtio-net"],"firmware":"uefi","layoutVersion":5,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","pcie-root-port","pl011","virtio-rng"],"firmware":"uefi","layoutVersion":5,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","pcie-root-port","pl011","virtio-rng","virtio-net"],"firmware":"uefi","layoutVersion":5,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","pcie-root-port","pl011","virtio-rng"],"firmware":"uefi","layoutVersion":5,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","pcie-root-port","pl011","virtio-rng","virtio-net","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet"],"firmware":"uefi","layoutVersion":5,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","pcie-root-port","pl011","virtio-rng","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet"],"firmware":"uefi","layoutVersion":5,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","pcie-root-port","pl011","virtio-rng","virtio-net"],"firmware":"uefi","layoutVersion":5,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","pcie-root-port","pl011","virtio-rng"],"firmware":"uefi","layoutVersion":5,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","pcie-root-port","pl011","virtio-rng","virtio-net"],"firmware":"uefi","layoutVersion":5,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","pcie-root-port","pl011","virtio-rng"],"firmware":"uefi","layoutVersion":5,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","pcie-root-port","pl011","virtio-rng","virtio-net","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet"],"firmware":"uefi","layoutVersion":5,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","pcie-root-port","pl011","virtio-rng","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet"],"firmware":"uefi","layoutVersion":5,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","virtio-blk-seed","pcie-root-port","pl011","virtio-rng","virtio-net"],"firmware":"uefi","hasSerialNumber":true,"layoutVersion":5,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","virtio-blk-seed","pcie-root-port","pl011","virtio-rng"],"firmware":"uefi","hasSerialNumber":true,"layoutVersion":5,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","virtio-blk-seed","pcie-root-port","pl011","virtio-rng","virtio-net"],"firmware":"uefi","hasSerialNumber":true,"layoutVersion":5,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","virtio-blk-seed","pcie-root-port","pl011","virtio-rng"],"firmware":"uefi","hasSerialNumber":true,"layoutVersion":5,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","virtio-blk-seed","pcie-root-port","pl011","virtio-rng","virtio-net","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet"],"firmware":"uefi","hasSerialNumber":true,"layoutVersion":5,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","virtio-blk-seed","pcie-root-port","pl011","virtio-rng","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet"],"firmware":"uefi","hasSerialNumber":true,"layoutVersion":5,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","virtio-blk-seed","pcie-root-port","pl011","virtio-rng","virtio-net"],"firmware":"uefi","hasSerialNumber":true,"layoutVersion":5,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","virtio-blk-seed","pcie-root-port","pl011","virtio-rng"],"firmware":"uefi","hasSerialNumber":true,"layoutVersion":5,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","virtio-blk-seed","pcie-root-port","pl011","virtio-rng","virtio-net"],"firmware":"uefi","hasSerialNumber":true,"layoutVersion":5,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","virtio-blk-seed","pcie-root-port","pl011","virtio-rng"],"firmware":"uefi","hasSerialNumber":true,"layoutVersion":5,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","virtio-blk-seed","pcie-root-port","pl011","virtio-rng","virtio-net","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet"],"firmware":"uefi","hasSerialNumber":true,"layoutVersion":5,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","virtio-blk-seed","pcie-root-port","pl011","virtio-rng","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet"],"firmware":"uefi","hasSerialNumber":true,"layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["virtio-blk","ahci","sata-cd","pcie-root-port","isa-serial","virtio-rng","virtio-net"],"firmware":"bios","layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","ahci","sata-cd","pcie-root-port","isa-serial","virtio-rng"],"firmware":"bios","layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-net","vga"],"firmware":"bios","layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","vga"],"firmware":"bios","layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-net"],"firmware":"bios","layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng"],"firmware":"bios","layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-net","vga"],"firmware":"bios","layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","vga"],"firmware":"bios","layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-net"],"firmware":"bios","layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng"],"firmware":"bios","layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-net","vga"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","vga"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-net"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-net","vga"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","vga"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-net"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["virtio-blk","pcie-root-port","isa-serial","virtio-rng","virtio-net","vga"],"firmware":"bios","layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-net","vga"],"firmware":"bios","layoutVersion":5,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","pcie-root-port","pl011","virtio-rng","virtio-net"],"firmware":"uefi","layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-9p","pcie-root-port","isa-serial","virtio-rng","virtio-net","vga"],"firmware":"bios","layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-home","virtio-9p","pcie-root-port","isa-serial","virtio-rng","virtio-net","vga"],"firmware":"bios","layoutVersion":5,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","virtio-9p","pcie-root-port","pl011","virtio-rng","virtio-net"],"firmware":"uefi","layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","pcie-root-port","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","pcie-root-port","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["ahci","sata-cd","pcie-root-port","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","pcie-root-port","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","pcie-root-port","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","pcie-root-port","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","pcie-root-port","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","pcie-root-port","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","pcie-root-port","pl011","virtio-rng","virtio-net","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"uefi","layoutVersion":5,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","pcie-root-port","pl011","virtio-rng","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"uefi","layoutVersion":5,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","pcie-root-port","pl011","virtio-rng","virtio-net","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"uefi","layoutVersion":5,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","pcie-root-port","pl011","virtio-rng","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"uefi","layoutVersion":5,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","virtio-blk-seed","pcie-root-port","pl011","virtio-rng","virtio-net","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"uefi","hasSerialNumber":true,"layoutVersion":5,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-blk","virtio-blk-seed","pcie-root-port","pl011","virtio-rng","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"uefi","hasSerialNumber":true,"layoutVersion":5,"sectorSize":512}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","virtio-blk-seed","pcie-root-port","pl011","virtio-rng","virtio-net","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"uefi","hasSerialNumber":true,"layoutVersion":5,"sectorSize":2048}"#,
            #"{"architecture":"aarch64","devices":["virtio-scsi","scsi-cd","virtio-blk-seed","pcie-root-port","pl011","virtio-rng","virtio-gpu","qemu-xhci","usb-kbd","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"uefi","hasSerialNumber":true,"layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["virtio-blk","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["virtio-blk","virtio-blk-seed","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":512}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-net","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":2048}"#,
            #"{"devices":["ahci","sata-cd","virtio-blk-seed","virtio-blk-home","pcie-root-port","isa-serial","virtio-rng","virtio-vga","qemu-xhci","usb-tablet","virtio-serial","spice-agent","ich9-intel-hda"],"firmware":"bios","hasSerialNumber":true,"layoutVersion":5,"sectorSize":2048}"#,
        ],
    ]

    @Test func aLayoutsNumberMeansTheSameForEver() throws {
        #expect(Self.layouts.keys.max() == GuestDevices.currentLayout, "a new number needs its own entry")
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        func texts(_ guests: [GuestSpecification]) throws -> [String] {
            try guests.map { String(decoding: try encoder.encode(GuestDevices($0)), as: UTF8.self) }
        }
        let advice: Comment =
            "devices or their description changed: raise GuestDevices.currentLayout, and add what it means"
        #expect(try texts(Self.guests) == Self.layouts[GuestDevices.currentLayout], advice)
        // Those that go on from an older release's memory are what they were.
        let older = { (guests: [GuestSpecification]) in guests.map(Self.withoutPort) }
        #expect(try texts(older(Self.shared + Self.withSPICE)) == Self.layouts[4], advice)
        #expect(try texts(older(Self.forAArch64 + Self.installers + Self.housed)) == Self.layouts[3], advice)
        #expect(try texts(older(Self.seeded)) == Self.layouts[2], advice)
        #expect(try texts(older(Self.seedless)) == Self.layouts[1], advice)
        // What an older release wrote can be read, and is another value.
        for text in Self.layouts.values.joined() {
            let value = try JSONDecoder().decode(GuestDevices.self, from: Data(text.utf8))
            let guests = value.hasPort ? Self.guests : Self.guests.map(Self.withoutPort)
            #expect(guests.map(GuestDevices.init).contains(value), "\(text)")
            #expect(value.hasPort == (value.layoutVersion == GuestDevices.currentLayout))
        }
    }

    @Test func aSeedInTheFirmwareIsNoDevice() {
        var guest = DomainXMLTests.disk
        let before = GuestDevices(guest)
        guest.seed = .init(firmwareEntries: [.init(name: "opt/com.coreos/config", path: "/run/osc/fw/config")])
        #expect(GuestDevices(guest) == before)
        // The serial number is seen by the guest.
        guest.seed = .init(serialNumber: "ds=nocloud")
        #expect(GuestDevices(guest) != before)
    }

    @Test func theProcessorThatAVersionNeedsMakesAnotherMachineInEmulation() {
        var guest = DomainXMLTests.disk
        for (accelerator, isAnother) in [(Accelerator.tcg, true), (.kvm, false)] {
            guest.accelerator = accelerator
            guest.processor = nil
            let before = GuestDevices(guest)
            guest.processor = .v1
            #expect(GuestDevices(guest) == before)
            guest.processor = .v3
            #expect((GuestDevices(guest) != before) == isAnother)
        }
    }

    @Test func firmwareAndSectorsMakeAnotherMachine() {
        var guest = DomainXMLTests.disk
        let before = GuestDevices(guest)
        guest.sectorSize = 4096
        #expect(GuestDevices(guest) != before)
        guest.sectorSize = 512
        guest.firmware = .uefi
        #expect(GuestDevices(guest) != before)
        guest.firmware = .bios
        guest.name = "another"
        #expect(GuestDevices(guest) == before)
    }
}
