import Boot

/// `list --json` (DESIGN section 6): bytes throughout, null where not known.
struct ListOutput: Encodable {
    let catalogs: [CatalogRow]
    let distributions: [DistributionRow]
}

/// One distribution with its versions, newest first.
struct DistributionRow: Encodable {
    let id: String
    let catalog: String
    let title: String
    let versions: [VersionRow]
    /// Nil where nothing was withdrawn, as in all catalogs of old.
    let withdrawn: [WithdrawnRow]?

    init(_ system: SystemSummary) {
        id = system.distribution.id
        catalog = system.source.name
        title = system.distribution.title
        versions = system.versions.map(VersionRow.init)
        withdrawn = system.withdrawn.isEmpty ? nil : system.withdrawn.map(WithdrawnRow.init)
    }
}

/// A version that its publisher took back.
struct WithdrawnRow: Encodable {
    let id: String
    let when: String
    let why: String
    let here: Bool
    let running: Bool

    init(_ summary: WithdrawnSummary) {
        id = summary.version.id.text
        when = summary.version.when.description
        why = summary.version.why
        here = summary.isHere
        running = summary.isRunning
    }
}

/// One version: what it costs and what is here (``VersionSummary``).
struct VersionRow: Encodable {
    let id: String
    let published: String
    let size: UInt64
    let toBoot: UInt64?
    let here: UInt64
    let new: UInt64?
    let offline: String
    let running: Bool
    let pinned: Bool

    init(_ summary: VersionSummary) {
        id = summary.version.id.text
        published = summary.version.published.description
        size = summary.version.size
        toBoot = summary.toBoot
        here = summary.here
        new = summary.new
        offline = summary.offline.rawValue
        running = summary.isRunning
        pinned = summary.isPinned
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(published, forKey: .published)
        try container.encode(size, forKey: .size)
        try container.encode(toBoot, forKey: .toBoot)
        try container.encode(here, forKey: .here)
        try container.encode(new, forKey: .new)
        try container.encode(offline, forKey: .offline)
        try container.encode(running, forKey: .running)
        try container.encode(pinned, forKey: .pinned)
    }

    private enum CodingKeys: String, CodingKey {
        case id, published, size, toBoot, here, new, offline, running, pinned
    }
}
