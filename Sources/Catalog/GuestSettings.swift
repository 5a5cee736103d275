/// What a guest needs to run. All optional: a version's settings override its distribution's, the user's override both.
package struct GuestSettings: Sendable, Hashable, Encodable {
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
    /// How the system learns at its first boot who may log in; nil for one that is not told.
    package var seed: SeedKind?
    /// What its programs were compiled for; nil for what every 64-bit processor has.
    package var cpuLevel: CPULevel?
    /// Whom ssh logs in as; root unless it is given. See ``isValid(user:)``.
    package var user: String?
    /// Whether the image has what puts it to sleep as a template, and makes a system of its own of each copy; nil for no.
    package var park: Bool?

    package static let memoryBounds = 1...16_777_216
    package static let cpuBounds = 1...4096

    package init(
        memoryMiB: Int? = nil, cpus: Int? = nil, firmware: Firmware? = nil, media: Media? = nil,
        adapter: Adapter? = nil, login: String? = nil, seed: SeedKind? = nil, cpuLevel: CPULevel? = nil,
        user: String? = nil, park: Bool? = nil
    ) {
        self.memoryMiB = memoryMiB
        self.cpus = cpus
        self.firmware = firmware
        self.media = media
        self.adapter = adapter
        self.login = login
        self.seed = seed
        self.cpuLevel = cpuLevel
        self.user = user
        self.park = park
    }

    /// Whether a guest of these settings can be a template: by what is in its image, or by what cloud-init puts there.
    package var canPark: Bool { park ?? (seed == .nocloud) }

    /// These settings, and where they say nothing, those of `base`.
    package func merged(over base: GuestSettings) -> GuestSettings {
        GuestSettings(
            memoryMiB: memoryMiB ?? base.memoryMiB, cpus: cpus ?? base.cpus, firmware: firmware ?? base.firmware,
            media: media ?? base.media, adapter: adapter ?? base.adapter, login: login ?? base.login,
            seed: seed ?? base.seed, cpuLevel: cpuLevel ?? base.cpuLevel, user: user ?? base.user,
            park: park ?? base.park)
    }

    /// Whether a text may be a user's name: of the form `[a-z_][a-z0-9_-]{0,31}`, so that no other text gets into the files of a seed.
    package static func isValid(user: String) -> Bool {
        guard let first = user.utf8.first, user.utf8.count <= 32 else { return false }
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        return (letters.contains(first) || first == UInt8(ascii: "_"))
            && user.utf8.allSatisfy { letters.contains($0) || digits.contains($0) || "_-".utf8.contains($0) }
    }
}

/// How a system that is the same for everybody learns at its first boot who may log in, and what it is called.
package enum SeedKind: String, Sendable, Codable, CaseIterable {
    /// Not at all.
    case absent = "none"
    /// cloud-init's NoCloud: a volume `CIDATA`.
    case nocloud
    /// Ignition, as CoreOS and Flatcar have it.
    case ignition
    /// systemd's credentials.
    case credentials
    /// FreeBSD's reader of a volume `CIDATA`, which takes a script.
    case nuageinit
}

/// The levels of x86-64 processors that compilers know; each has all of those before it.
package enum CPULevel: String, Sendable, Codable, CaseIterable {
    case v1 = "x86-64-v1"
    case v2 = "x86-64-v2"
    case v3 = "x86-64-v3"
    case v4 = "x86-64-v4"
}

extension GuestSettings: Decodable {
    private enum CodingKeys: String, CodingKey {
        case memoryMiB, cpus, firmware, media, adapter, login, seed, cpuLevel, user, park
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        memoryMiB = try container.decodeIfPresent(Int.self, forKey: .memoryMiB)
        cpus = try container.decodeIfPresent(Int.self, forKey: .cpus)
        firmware = try container.decodeIfPresent(Firmware.self, forKey: .firmware)
        media = try container.decodeIfPresent(Media.self, forKey: .media)
        adapter = try container.decodeIfPresent(Adapter.self, forKey: .adapter)
        login = try container.decodeIfPresent(String.self, forKey: .login)
        // A kind that only later releases know: the system boots all the same, and its console is there.
        seed = try container.decodeIfPresent(String.self, forKey: .seed).flatMap(SeedKind.init)
        // As above: whether this processor is enough is not known.
        cpuLevel = try container.decodeIfPresent(String.self, forKey: .cpuLevel).flatMap(CPULevel.init)
        user = try container.decodeIfPresent(String.self, forKey: .user)
        park = try container.decodeIfPresent(Bool.self, forKey: .park)
    }
}
