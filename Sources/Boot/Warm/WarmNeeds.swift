import ContentAddress
import FoundationEssentials
import GuestDomain

/// What a start asks for: the warm state that was made of just this.
package struct WarmNeeds: Sendable, Equatable {
    package var image: WarmRecord.Image
    package var guest: WarmRecord.Guest
    /// The QEMU that would run it, where libvirt says which that is: what an older one did not write can be refused without a try.
    package var emulator: MemoryOrigin.EmulatorVersion?

    package init(
        image: WarmRecord.Image, guest: WarmRecord.Guest, emulator: MemoryOrigin.EmulatorVersion? = nil
    ) {
        (self.image, self.guest, self.emulator) = (image, guest, emulator)
    }

    /// What a user chooses, or has chosen for him, between states: each combination has a state of its own. All else is the same for all
    /// of one release of the program, and compared.
    private struct Choice: Encodable {
        let image: WarmRecord.Image
        let architecture: GuestArchitecture
        let memoryMiB: Int
        let cpus: Int
        let accelerator: Accelerator
        let firmware: GuestSpecification.Firmware
        let screen: GuestScreen.Kind?
    }

    /// The name of the state's folder: 32 hexadecimal digits.
    package var key: String { WarmNeeds.key(image, guest) }

    static func key(_ image: WarmRecord.Image, _ guest: WarmRecord.Guest) -> String {
        let choice = Choice(
            image: image, architecture: guest.architecture, memoryMiB: guest.memoryMiB, cpus: guest.cpus,
            accelerator: guest.accelerator, firmware: guest.firmware, screen: guest.screen)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // It is made of texts and numbers, which can always be written.
        let bytes = (try? encoder.encode(choice)).map { [UInt8]($0) } ?? []
        return String(FileDigest.sha256(of: bytes).hex.prefix(32))
    }
}
