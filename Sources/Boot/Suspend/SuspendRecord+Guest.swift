import GuestDomain
import Linux

extension SuspendRecord {
    /// The machine of a suspended guest: all that must be the same when it goes on. Files are named by their places in the session's folder
    /// of credentials, for that folder may be elsewhere then.
    package struct Guest: Codable, Sendable, Equatable {
        /// A file that the guest reads through qemu_fw_cfg: the guest knows its length since it booted.
        package struct Entry: Codable, Sendable, Equatable {
            package var name: String
            package var file: String
        }

        package var uuid: String
        package var mac: String
        package var architecture: GuestArchitecture
        package var memoryMiB: Int
        package var cpus: Int
        package var accelerator: Accelerator
        package var firmware: GuestSpecification.Firmware
        package var isCDROM: Bool
        /// Whether it has a disk that it writes to.
        package var hasDisk: Bool
        package var sectorSize: Int
        package var hasDisplayAdapter: Bool
        package var hasScreen: Bool
        package var processor: String?
        /// See ``GuestSpecification/processorModel``.
        package var processorModel: String?
        package var entries: [Entry]
        package var seedDisk: String?
        package var seedSerialNumber: String?
        package var seedEntries: [Entry]
        /// Whose home its home is; nil for a guest without one.
        package var homeUser: String?
        /// Whether its home was plugged in while it ran; nil means no.
        package var isHomePlugged: Bool?
        /// How many files nobody writes to lie under its own disk; nil for none, and for a kept machine.
        package var layers: Int?
        package var devices: GuestDevices

        /// - Parameter credentials: the folder that its files are in.
        /// - Throws: ``SuspendError/file(_:)`` where a file is elsewhere: it could not be given back.
        init(_ guest: GuestSpecification, credentials: String) throws(SuspendError) {
            func name(_ path: String) throws(SuspendError) -> String {
                let parts = path.split(separator: "/")
                guard let last = parts.last, path == "\(credentials)/\(last)" else {
                    throw .file(SystemCallError(.noSuchFile, call: "keep", subject: path))
                }
                return String(last)
            }
            func entries(_ all: [GuestSpecification.FirmwareEntry]) throws(SuspendError) -> [Entry] {
                var kept: [Entry] = []
                for entry in all { kept.append(Entry(name: entry.name, file: try name(entry.path))) }
                return kept
            }
            (uuid, mac, architecture) = (guest.uuid, guest.macAddress, guest.architecture)
            (memoryMiB, cpus, accelerator) = (guest.memoryMiB, guest.cpus, guest.accelerator)
            (firmware, isCDROM, hasDisk) = (guest.firmware, guest.media == .cdrom, guest.overlayPath != nil)
            (sectorSize, hasDisplayAdapter) = (guest.sectorSize, guest.hasDisplayAdapter)
            (hasScreen, processor) = (guest.screen != nil, guest.processor?.rawValue)
            processorModel = guest.processorModel
            self.entries = try entries(guest.firmwareEntries)
            if let disk = guest.seed?.diskPath { seedDisk = try name(disk) }
            seedSerialNumber = guest.seed?.serialNumber
            seedEntries = try entries(guest.seed?.firmwareEntries ?? [])
            homeUser = (guest.home ?? guest.pluggedHome)?.user
            if guest.pluggedHome != nil { isHomePlugged = true }
            devices = GuestDevices(guest)
        }

        /// See ``SuspendRecord/format``.
        var format: Int { (layers ?? 0) > 0 || isHomePlugged == true ? SuspendRecord.currentFormat : 1 }

        /// The same guest with its files where they are now.
        /// - Parameters:
        ///   - home: its home; nil for none. Its screen and its folder are the caller's to add.
        ///   - emulatorUser: see ``GuestSpecification/emulatorUser``.
        func specification(
            in directory: SessionDirectory, imagePath: String, home: GuestHome?, emulatorUser: UserID?
        ) -> GuestSpecification {
            func all(_ entries: [Entry]) -> [GuestSpecification.FirmwareEntry] {
                entries.map { .init(name: $0.name, path: "\(directory.credentials)/\($0.file)") }
            }
            var seed: GuestSeed.Files?
            if seedDisk != nil || seedSerialNumber != nil || !seedEntries.isEmpty {
                seed = GuestSeed.Files()
                seed?.diskPath = seedDisk.map { "\(directory.credentials)/\($0)" }
                seed?.serialNumber = seedSerialNumber
                seed?.firmwareEntries = all(seedEntries)
            }
            var guest = GuestSpecification(
                name: directory.domainName, uuid: uuid, architecture: architecture, memoryMiB: memoryMiB, cpus: cpus,
                accelerator: accelerator, firmware: firmware, media: isCDROM ? .cdrom : .disk, imagePath: imagePath,
                overlayPath: nil, consoleSocketPath: directory.consoleForGuest,
                networkSocketPath: directory.networkForGuest, firmwareEntries: all(entries),
                screen: nil, nvramPath: directory.nvram, sectorSize: sectorSize,
                hasDisplayAdapter: hasDisplayAdapter, processor: processor.flatMap { ProcessorLevel(rawValue: $0) },
                seed: seed, home: isHomePlugged == true ? nil : home, emulatorUser: emulatorUser)
            guest.macAddress = mac
            guest.processorModel = processorModel
            if isHomePlugged == true { guest.pluggedHome = home }
            // An earlier release gave it no slot that it did not need.
            guest.hasPort = devices.hasPort
            return guest
        }

        /// Why it is no guest of ours; nil where it is.
        var fault: String? {
            let files = (entries + seedEntries).map(\.file) + [seedDisk].compactMap(\.self)
            guard files.allSatisfy({ !$0.isEmpty && !$0.contains("/") && $0 != "." && $0 != ".." }) else {
                return "its files are not as this program names them"
            }
            let names = (entries + seedEntries).map(\.name) + [seedSerialNumber].compactMap(\.self)
            guard Self.isMAC(mac), Self.isUUID(uuid), names.allSatisfy(Self.isPlain) else {
                return "its identity, or the names of what it reads, are not as this program writes them"
            }
            guard [512, 4096].contains(sectorSize), (1...16_777_216).contains(memoryMiB), (1...4096).contains(cpus)
            else { return "no machine can have this memory, this many processors or such a disk" }
            guard processorModel == nil || accelerator == .kvm && processorModel == PortableProcessor.ofHardware else {
                return "its processor is not as this program names it"
            }
            guard (0...Self.mostLayers).contains(layers ?? 0) else {
                return "its disk is not as this program makes them"
            }
            return nil
        }

        /// A warm start puts one under a guest's disk.
        private static let mostLayers = 8

        // What QEMU's and libvirt's descriptions of the guest are made of.

        private static func isMAC(_ text: String) -> Bool {
            let pairs = text.split(separator: ":", omittingEmptySubsequences: false)
            return pairs.count == 6 && pairs.allSatisfy { $0.utf8.count == 2 && $0.utf8.allSatisfy(isHex) }
        }

        private static func isUUID(_ text: String) -> Bool {
            text.utf8.count == 36 && text.utf8.allSatisfy { isHex($0) || $0 == UInt8(ascii: "-") }
        }

        private static func isHex(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
                UInt8(ascii: "A")...UInt8(ascii: "F"):
                true
            default: false
            }
        }

        /// QEMU takes names of 55 characters; `=` is in the serial number of a seed.
        private static func isPlain(_ text: String) -> Bool {
            (1...55).contains(text.utf8.count)
                && text.utf8.allSatisfy { byte in
                    isHex(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                        || "./_-=".utf8.contains(byte)
                }
        }
    }
}
