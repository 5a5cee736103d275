/// What a guest needs to run. All optional: a version's settings override its distribution's, the user's override both.
package struct GuestSettings: Sendable, Hashable, Codable {
    package enum Firmware: String, Sendable, Codable, CaseIterable { case bios, uefi }
    package enum Media: String, Sendable, Codable, CaseIterable { case disk, cdrom }

    /// Memory in MiB, within ``memoryBounds``.
    package var memoryMiB: Int?
    /// Virtual processors, within ``cpuBounds``.
    package var cpus: Int?
    package var firmware: Firmware?
    package var media: Media?
    /// How to log in, for people: `root, no password on the console`.
    package var login: String?

    package static let memoryBounds = 1...16_777_216
    package static let cpuBounds = 1...4096

    package init(
        memoryMiB: Int? = nil, cpus: Int? = nil, firmware: Firmware? = nil, media: Media? = nil, login: String? = nil
    ) {
        self.memoryMiB = memoryMiB
        self.cpus = cpus
        self.firmware = firmware
        self.media = media
        self.login = login
    }

    /// These settings, and where they say nothing, those of `base`.
    package func merged(over base: GuestSettings) -> GuestSettings {
        GuestSettings(
            memoryMiB: memoryMiB ?? base.memoryMiB, cpus: cpus ?? base.cpus, firmware: firmware ?? base.firmware,
            media: media ?? base.media, login: login ?? base.login)
    }
}
