import Formats

/// One operating system that is kept up to date.
package struct Distribution: Sendable, Hashable, Encodable {
    /// `[a-z0-9][a-z0-9._-]{0,63}`.
    package var id: String
    /// Any Unicode; control characters are the reader's to remove.
    package var title: String
    package var summary: String
    package var homepage: String?
    /// As `uname -m` has it.
    package var architecture: String
    /// The last day of its maker's support.
    package var supportEnds: CalendarDate?
    package var guest: GuestSettings
    /// Newest first.
    package var versions: [DistributionVersion]
    /// Versions that were taken back; newest first.
    package var withdrawn: [WithdrawnVersion] = []

    package init(
        id: String, title: String? = nil, summary: String = "", homepage: String? = nil,
        architecture: String = "x86_64",
        supportEnds: CalendarDate? = nil, guest: GuestSettings = GuestSettings(), versions: [DistributionVersion] = []
    ) {
        self.id = id
        self.title = title ?? id
        self.summary = summary
        self.homepage = homepage
        self.architecture = architecture
        self.supportEnds = supportEnds
        self.guest = guest
        self.versions = versions.sorted { $0.id > $1.id }
    }

    /// Whether a text may be a distribution's id: a letter or digit, then at most 63 letters, digits, `.`, `_` and `-`.
    package static func isValid(id: String) -> Bool {
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            DecimalDigits.range.contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
        }
        guard let first = id.utf8.first, isAlphanumeric(first), id.utf8.count <= 64 else { return false }
        return id.utf8.allSatisfy { isAlphanumeric($0) || $0 == 0x2E || $0 == 0x5F || $0 == 0x2D }
    }

    /// The version of an id, or nil.
    package func version(_ id: VersionID) -> DistributionVersion? { versions.first { $0.id == id } }

    /// When and why the version of an id was taken back; nil where it was not.
    package func withdrawal(of id: VersionID) -> WithdrawnVersion? { withdrawn.first { $0.id == id } }

    /// The guest settings of one version: its own over the distribution's.
    package func guest(of version: DistributionVersion) -> GuestSettings { version.guest.merged(over: guest) }
}

extension Distribution: Decodable {
    private enum CodingKeys: String, CodingKey {
        case id, title, summary, homepage, architecture, supportEnds, guest, versions, withdrawn
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            id: try container.decode(String.self, forKey: .id),
            title: try container.decodeIfPresent(String.self, forKey: .title),
            summary: try container.decodeIfPresent(String.self, forKey: .summary) ?? "",
            homepage: try container.decodeIfPresent(String.self, forKey: .homepage),
            architecture: try container.decodeIfPresent(String.self, forKey: .architecture) ?? "x86_64",
            supportEnds: try container.decodeIfPresent(CalendarDate.self, forKey: .supportEnds),
            guest: try container.decodeIfPresent(GuestSettings.self, forKey: .guest) ?? GuestSettings(),
            versions: try container.decodeIfPresent([DistributionVersion].self, forKey: .versions) ?? [])
        withdrawn = try container.decodeIfPresent([WithdrawnVersion].self, forKey: .withdrawn) ?? []
        withdrawn.sort { $0.id > $1.id }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(title, forKey: .title)
        try container.encode(summary, forKey: .summary)
        try container.encodeIfPresent(homepage, forKey: .homepage)
        try container.encode(architecture, forKey: .architecture)
        try container.encodeIfPresent(supportEnds, forKey: .supportEnds)
        try container.encode(guest, forKey: .guest)
        try container.encode(versions, forKey: .versions)
        if !withdrawn.isEmpty { try container.encode(withdrawn, forKey: .withdrawn) }
    }
}
