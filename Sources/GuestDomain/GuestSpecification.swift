import Linux

/// One guest to be started, as a value.
package struct GuestSpecification: Sendable, Equatable {
    package enum Firmware: String, Sendable, Codable { case bios, uefi }

    package enum Media: Sendable, Equatable {
        /// A disk under an overlay that takes all writes.
        case disk
        /// A read-only medium.
        case cdrom
    }

    /// The same for all guests: each is alone in its network.
    package static let usualMAC = "52:54:00:0a:00:0f"

    /// A file that the guest reads through qemu_fw_cfg, 0600; libvirt gives it to QEMU's user while the domain runs.
    package struct FirmwareEntry: Sendable, Equatable {
        /// `opt/…`.
        package let name: String
        package let path: String

        package init(name: String, path: String) {
            self.name = name
            self.path = path
        }
    }

    package var name: String
    package var uuid: String
    /// The guest's processor, which need not be this machine's.
    package var architecture: GuestArchitecture
    package var memoryMiB: Int
    package var cpus: Int
    package var accelerator: Accelerator
    package var firmware: Firmware
    package var media: Media
    /// The raw image; read-only.
    package var imagePath: String
    /// qcow2 over the image, or over ``layers``; of a guest with a cdrom its own disk, or nil for none.
    package var overlayPath: String?
    /// What lies between the overlay and the image, the topmost first: qcow2 files that nobody writes to, and of which none says what is below
    /// it. QEMU's user can read them.
    package var layers: [String] = []
    /// Our socket that QEMU's serial port connects to.
    package var consoleSocketPath: String
    /// Our socket that QEMU's network connects to; nil for no network at all.
    package var networkSocketPath: String?
    package var firmwareEntries: [FirmwareEntry]
    /// Nil for none.
    package var screen: GuestScreen?
    /// Whether a guest without a screen has a display adapter all the same: boot loaders in graphics mode, and some
    /// kernels, stop without any.
    package var hasDisplayAdapter: Bool
    /// UEFI's variables, made anew; in the session's own folder.
    package var nvramPath: String
    /// Whether they are there already, from an earlier start. The name is removed at the end all the same.
    package var hasVariables = false
    /// Of the network's card.
    package var macAddress = GuestSpecification.usualMAC

    /// QEMU's type of machine with its version, such as `pc-q35-7.2`; nil for the newest.
    package var machineType: String?
    /// Whether it does not start, but waits for what ``RunningGuest/saveMemory(_:isCancelled:)`` saved.
    package var awaitsMemory = false

    /// Bytes of a sector of the disk, as ``DiskSectors`` says.
    package var sectorSize: Int
    /// What the guest's programs need of an x86-64 processor; nil for what each has.
    package var processor: ProcessorLevel?
    /// QEMU's name of the processor that it sees, for a guest whose memory goes on elsewhere; nil for what ``DomainXML`` chooses.
    package var processorModel: String?
    /// What the guest learns at its first boot; nil for nothing.
    package var seed: GuestSeed.Files?
    /// The disk that is its user's home; nil for none.
    package var home: GuestHome?
    /// The folder of the host that it sees; nil for none. The server of one by ``GuestShare/Kind/virtiofs`` listens already.
    package var share: GuestShare?
    /// Whether it has the slot for a folder where it sees none: each has but one that goes on from an older release's memory.
    package var hasPort = true
    /// The disk that is its user's home, where that was plugged in while it ran: a guest that goes on gets it before its memory. Nil for none.
    package var pluggedHome: GuestHome?
    /// Devices of this machine that the guest has for as long as it runs.
    package var usbDevices: [HostUSBDevice.Place] = []
    /// The user that QEMU runs as, who can read the image; nil for libvirt's own choice. libvirt gives the guest's other files to that
    /// user while the domain runs.
    package var emulatorUser: UserID?

    package init(
        name: String, uuid: String = RandomUUID.make(), architecture: GuestArchitecture = .x86_64, memoryMiB: Int,
        cpus: Int,
        accelerator: Accelerator, firmware: Firmware, media: Media, imagePath: String, overlayPath: String?,
        consoleSocketPath: String, networkSocketPath: String?, firmwareEntries: [FirmwareEntry], screen: GuestScreen?,
        nvramPath: String,
        sectorSize: Int = 512, hasDisplayAdapter: Bool = true, processor: ProcessorLevel? = nil,
        seed: GuestSeed.Files? = nil, home: GuestHome? = nil, emulatorUser: UserID? = nil
    ) {
        self.name = name
        self.uuid = uuid
        self.architecture = architecture
        self.memoryMiB = memoryMiB
        self.cpus = cpus
        self.accelerator = accelerator
        self.firmware = firmware
        self.media = media
        self.imagePath = imagePath
        self.overlayPath = overlayPath
        self.consoleSocketPath = consoleSocketPath
        self.networkSocketPath = networkSocketPath
        self.firmwareEntries = firmwareEntries
        self.screen = screen
        self.hasDisplayAdapter = hasDisplayAdapter
        self.nvramPath = nvramPath
        self.sectorSize = sectorSize
        self.processor = processor
        self.seed = seed
        self.home = home
        self.emulatorUser = emulatorUser
    }
}

/// Random identifiers in UUID's text form (RFC 4122, version 4).
package enum RandomUUID {
    package static func make() -> String {
        var bytes = (0..<16).map { _ in UInt8.random(in: 0...255) }
        bytes[6] = bytes[6] & 0x0f | 0x40
        bytes[8] = bytes[8] & 0x3f | 0x80
        let digits = bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
        return [0..<4, 4..<6, 6..<8, 8..<10, 10..<16].map { digits[$0].joined() }.joined(separator: "-")
    }
}
