import Catalog
import ContentAddress
import GuestDomain

/// What is written down of a warm state: `CACHE/warm/KEY/record.json`.
package struct WarmRecord: Codable, Sendable, Equatable {
    /// The only format there is. It rises when an earlier release would misread or damage what is there.
    package static let currentFormat = 1
    /// The number of the rules by which the guest's unit is told to park and to wake, see ``park``.
    package static let currentPark = 1

    package private(set) var format = WarmRecord.currentFormat
    /// When the template was saved.
    package var created: Timestamp
    /// The version that the template booted; for people: what counts is ``image``.
    package var catalog: String
    package var distribution: String
    package var version: String
    package var image: Image
    package var guest: Guest
    /// `sha256:…` of the frozen overlay; nil for a guest without a disk of its own.
    package var overlayDigest: String?
    /// `sha256:…` of UEFI's variables; nil for a BIOS.
    package var variablesDigest: String?
    /// `sha256:…` of the disk of the seed that the template booted with; nil for none.
    package var seedDigest: String?
    package var memory: SuspendRecord.Memory
    /// ``DomainXML/version`` of the program that made it.
    package var xmlVersion: Int
    /// ``currentPark`` of the program that made it.
    package var park: Int
    /// Seconds from the start of the template's domain until it slept.
    package var bootSeconds: Double
    /// Whether the template was made for others than its maker's guests, see ``BootRequest/Purpose/published``; nil means no.
    package var isForOthers: Bool?

    package init(
        created: Timestamp, key: VersionKey, image: Image, guest: Guest, overlayDigest: String?,
        variablesDigest: String?, seedDigest: String?, memory: SuspendRecord.Memory, bootSeconds: Double
    ) {
        self.created = created
        (catalog, distribution, version) = (key.catalog, key.distribution, key.version)
        (self.image, self.guest, self.memory) = (image, guest, memory)
        (self.overlayDigest, self.variablesDigest, self.seedDigest) = (overlayDigest, variablesDigest, seedDigest)
        (xmlVersion, park) = (DomainXML.version, WarmRecord.currentPark)
        self.bootSeconds = bootSeconds
    }

    /// CATALOG/DISTRO@VERSION.
    package var key: VersionKey { VersionKey(catalog: catalog, distribution: distribution, version: version) }

    /// What lies under the frozen overlay.
    package struct Image: Codable, Sendable, Hashable {
        /// `sha256:…` of the index.
        package var indexDigest: String
        /// Of the image, or of the vendor's file, as its catalog says; nil where nobody has said.
        package var digest: String?

        package init(indexDigest: String, digest: String?) { (self.indexDigest, self.digest) = (indexDigest, digest) }
    }

    /// The machine of a template: all that must be the same in a guest that goes on with its memory.
    package struct Guest: Codable, Sendable, Equatable {
        /// A file that the guest reads through qemu_fw_cfg: the guest knows name and length since it booted.
        package struct Entry: Codable, Sendable, Hashable {
            package var name: String
            /// Bytes.
            package var length: Int

            package init(name: String, length: Int) { (self.name, self.length) = (name, length) }
        }

        package var architecture: GuestArchitecture
        package var memoryMiB: Int
        package var cpus: Int
        package var accelerator: Accelerator
        package var firmware: GuestSpecification.Firmware
        package var isCDROM: Bool
        package var sectorSize: Int
        package var hasDisplayAdapter: Bool
        /// Nil for a guest without a screen.
        package var screen: GuestScreen.Kind?
        /// The level of its processor that its version asks for.
        package var processor: String?
        /// See ``GuestSpecification/processorModel``.
        package var processorModel: String?
        package var mac: String
        /// In the order of the description, those of a seed too.
        package var entries: [Entry]
        package var seedSerialNumber: String?
        package var devices: GuestDevices

        /// - Parameter entries: what the guest reads through qemu_fw_cfg, with the lengths that it sees.
        package init(_ guest: GuestSpecification, entries: [Entry]) {
            (architecture, memoryMiB, cpus) = (guest.architecture, guest.memoryMiB, guest.cpus)
            (accelerator, firmware, isCDROM) = (guest.accelerator, guest.firmware, guest.media == .cdrom)
            (sectorSize, hasDisplayAdapter) = (guest.sectorSize, guest.hasDisplayAdapter)
            (screen, processor, mac) = (guest.screen?.kind, guest.processor?.rawValue, guest.macAddress)
            processorModel = guest.processorModel
            (self.entries, seedSerialNumber) = (entries, guest.seed?.serialNumber)
            devices = GuestDevices(guest)
        }
    }
}
