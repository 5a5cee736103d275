/// What a guest needs to run. All optional: a version's settings override its distribution's, the user's override both.
package struct GuestSettings: Sendable, Hashable, Codable {
    package enum Firmware: String, Sendable, Codable, CaseIterable { case bios, uefi }
    package enum Media: String, Sendable, Codable, CaseIterable { case disk, cdrom }
    /// The display adapter of a guest that has no window.
    package enum Adapter: String, Sendable, Codable, CaseIterable {
        case vga
        case absent = "none"
    }

    /// Memory in MiB, within ``memoryBounds``.
    package var memoryMiB: Int?
    /// Virtual processors, within ``cpuBounds``.
    package var cpus: Int?
    package var firmware: Firmware?
    package var media: Media?
    /// `none` for a system that starts without any and does all on its serial port; VGA unless it is given.
    package var adapter: Adapter?
    /// How to log in, for people: `root, no password on the console`.
    package var login: String?

    package static let memoryBounds = 1...16_777_216
    package static let cpuBounds = 1...4096

    package init(
        memoryMiB: Int? = nil, cpus: Int? = nil, firmware: Firmware? = nil, media: Media? = nil,
        adapter: Adapter? = nil, login: String? = nil
    ) {
        self.memoryMiB = memoryMiB
        self.cpus = cpus
        self.firmware = firmware
        self.media = media
        self.adapter = adapter
        self.login = login
    }

    /// These settings, and where they say nothing, those of `base`.
    package func merged(over base: GuestSettings) -> GuestSettings {
        GuestSettings(
            memoryMiB: memoryMiB ?? base.memoryMiB, cpus: cpus ?? base.cpus, firmware: firmware ?? base.firmware,
            media: media ?? base.media, adapter: adapter ?? base.adapter, login: login ?? base.login)
    }
}
