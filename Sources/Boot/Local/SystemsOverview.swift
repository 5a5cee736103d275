import Catalog
import Curl
import Formats
import GuestDomain

/// All that `list` and the menu show: the followed catalogs, and for every version what it costs and what of it is stored.
package struct SystemsOverview: Sendable {
    package let catalogs: [CatalogCopy]
    /// By catalog, then as the catalog orders them.
    package let systems: [SystemSummary]
}

/// One distribution of one catalog.
package struct SystemSummary: Sendable {
    package let source: CatalogSource
    package let distribution: Distribution
    /// One for each of the distribution's versions, in the same order: newest first.
    package var versions: [VersionSummary]
    /// Withdrawn versions, newest first.
    package var withdrawn: [WithdrawnSummary] = []
    /// The vendor, under whose name its systems stand together; nil for a catalog's system.
    package var group: String?
    /// How its versions are known; nil for a catalog's system.
    package var listing: VendorListing?
    /// Whether it ran here and was never seen at a login on its serial console, so that no version of it is judged by that.
    package var isUnjudged = false
    /// How its guests run here.
    package var emulation = Emulation.none

    package init(
        source: CatalogSource, distribution: Distribution, versions: [VersionSummary],
        withdrawn: [WithdrawnSummary] = []
    ) {
        self.source = source
        self.distribution = distribution
        self.versions = versions
        self.withdrawn = withdrawn
    }

    /// The version that its name alone means: of a vendor's builds one that is still offered, where there is any.
    /// One that did not come up here is passed over for the last one that did, for as long as it is the newest.
    package var newest: VersionSummary? {
        guard let newest = newestOffered, newest.unhealthy != nil else { return newestOffered }
        let last = versions.filter { $0.lastHealthy != nil }.max { $0.lastHealthy ?? 0 < $1.lastHealthy ?? 0 }
        let offered = source.isVendors ? versions.filter { !$0.isGone } + versions.filter(\.isGone) : versions
        return last ?? offered.first { $0.unhealthy == nil } ?? newest
    }

    private var newestOffered: VersionSummary? {
        (source.isVendors ? versions.first { !$0.isGone } : nil) ?? versions.first
    }

    /// The newest version, where it is passed over since it did not come up here.
    package var passedOver: VersionSummary? {
        guard let newest = newestOffered, newest.unhealthy != nil, newest.key != self.newest?.key else { return nil }
        return newest
    }

    /// The name that a vendor's systems of another processor than this machine's stand together under, instead of their vendors'; nil for
    /// all others.
    package var processorGroup: String? {
        source.isVendors && emulation != .none ? "For \(distribution.architecture)" : nil
    }

    /// The version that ran last on this machine.
    package var lastRun: VersionSummary? {
        versions.filter { $0.lastRun != nil }.max { $0.lastRun ?? 0 < $1.lastRun ?? 0 }
    }
}

/// What is known of the builds that a vendor offers of one system.
package struct VendorListing: Sendable, Equatable {
    /// When the vendor last said, seconds since 1970; nil when it was never asked.
    package var asked: Int?
    /// How many builds the vendor has at a time, and for how many days each; nil where they stay for months, or nobody says.
    package var keptBuilds: Int?
    package var keptDays: Int?
    /// About how many bytes a build's file has, where nobody was asked; nil where that is not known either.
    package var sizeHint: UInt64?
    /// Whether a build's file must be here whole before it is of use.
    package var isWholeFirst = false

    package init(
        asked: Int? = nil, keptBuilds: Int? = nil, keptDays: Int? = nil, sizeHint: UInt64? = nil,
        isWholeFirst: Bool = false
    ) {
        (self.asked, self.keptBuilds, self.keptDays, self.sizeHint) = (asked, keptBuilds, keptDays, sizeHint)
        self.isWholeFirst = isWholeFirst
    }

    /// Seconds for which an answer is good.
    package static let freshSeconds = 86_400

    /// Whether the vendor is to be asked when somebody looks at the row.
    package func isDue(now: Int) -> Bool {
        // A time from the future comes from a clock that was fast.
        asked.map { !(0..<VendorListing.freshSeconds).contains(now - $0) } ?? true
    }
}

/// A version that was withdrawn, and whether that concerns this machine.
package struct WithdrawnSummary: Sendable {
    package let version: WithdrawnVersion
    package var isRunning = false
    /// Whether its index is stored: it was run, fetched or looked at.
    package var isHere = false

    package init(version: WithdrawnVersion, isRunning: Bool = false, isHere: Bool = false) {
        self.version = version
        self.isRunning = isRunning
        self.isHere = isHere
    }
}

/// One version. Bytes throughout; nil where not known.
package struct VersionSummary: Sendable {
    /// What works offline.
    package enum Offline: String, Sendable, Encodable {
        /// Something that a start needs is missing, or nobody knows what it needs.
        case no
        /// All that its starts have needed so far is stored.
        case boots
        /// All of it is stored.
        case whole
    }

    package internal(set) var version: DistributionVersion
    package let key: VersionKey
    package var isRunning = false
    package var isPinned = false
    /// When it ran last on this machine, seconds since 1970.
    package var lastRun: Int?
    /// Bytes that a start still has to download, in blocks, estimated from the catalog's stored size, or from a boot pack where that is
    /// cheaper; needs a boot set.
    package var toBoot: UInt64?
    /// Whether that is a guess: the boot set was derived from another version's.
    package var isBootSetDerived = false
    /// Whether a vendor's file must be here whole before it is of use: it is packed.
    package var isWholeFirst = false
    /// Bytes of such a file that are to be downloaded before the start; nil where nobody knows its size, and for what is streamed.
    package var downloadFirst: UInt64?
    /// Bytes of the image that are stored. Holes do not count: they need not be downloaded.
    package var here: UInt64 = 0
    /// Bytes of the image that are not holes; nil without the index.
    package var content: UInt64?
    /// Bytes to download, estimated, in blocks that the version run last does not have.
    package var new: UInt64?
    /// The same against the next older version.
    package var changed: UInt64?
    package var offline = Offline.no
    /// How sure it is; nil for a catalog's own blocks, each of which is verified.
    package var trust: TrustLevel?
    /// The vendor's own name of the build; nil where there is none.
    package var build: String?
    /// Whether all of a vendor's file was here and was found to be what the vendor has signed: nothing is left to be verified.
    package var isVerified = false
    /// Whether all of it was here and had the digests that the vendor publishes, which nobody has signed.
    package var isCompared = false
    /// Whether the vendor no longer offers the build; what is here of it may still boot.
    package var isGone = false
    /// Why what was here of it was thrown away: it was not what its vendor says; nil where that has not happened.
    package var fault: String?
    /// Why it did not come up here; nil where it did since, or was not tried.
    package var unhealthy: HealthRecord.Unhealthy?
    /// When it came up here last, seconds since 1970.
    package var lastHealthy: Int?
    /// Whether a warm state is here for its next start, which then takes a second.
    package var isWarm = false
    /// The fingerprint of the key that signed what is known of a vendor's file; nil before that is known, and where nobody signed.
    package var signedBy: String?

    package init(_ version: DistributionVersion, key: VersionKey) {
        self.version = version
        self.key = key
        trust = version.source?.trust
        build = version.source?.build
    }
}

// The shapes of `list --json`: bytes throughout, null where not known.

extension SystemSummary: Encodable {
    private enum CodingKeys: CodingKey {
        case id, catalog, title, architecture, emulated, bootable, needs, versions, withdrawn, group
    }

    /// `withdrawn` is absent where nothing was withdrawn, and `group` where it is no vendor's. `emulated` is there, and true, where the
    /// processor is not this machine's; `bootable`, and false, where no guest can have it here, with the packages that it `needs`.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(distribution.id, forKey: .id)
        try container.encode(source.name, forKey: .catalog)
        try container.encode(distribution.title, forKey: .title)
        try container.encode(distribution.architecture, forKey: .architecture)
        switch emulation {
        case .none: break
        case .possible: try container.encode(true, forKey: .emulated)
        case .missing(let packages):
            try container.encode(true, forKey: .emulated)
            try container.encode(false, forKey: .bootable)
            try container.encode(packages, forKey: .needs)
        case .notOffered:
            try container.encode(true, forKey: .emulated)
            try container.encode(false, forKey: .bootable)
        case .unknown: try container.encode(false, forKey: .bootable)
        }
        try container.encode(versions, forKey: .versions)
        if !withdrawn.isEmpty { try container.encode(withdrawn, forKey: .withdrawn) }
        try container.encodeIfPresent(group, forKey: .group)
    }
}

extension WithdrawnSummary: Encodable {
    private enum CodingKeys: CodingKey {
        case id, when, why, here, running
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(version.id.text, forKey: .id)
        try container.encode(version.when.description, forKey: .when)
        try container.encode(version.why, forKey: .why)
        try container.encode(isHere, forKey: .here)
        try container.encode(isRunning, forKey: .running)
    }
}

extension VersionSummary: Encodable {
    private enum CodingKeys: CodingKey {
        case id, published, size, toBoot, here, new, offline, running, pinned, trust, verified, build, source, gone
        case downloadFirst, unhealthy, warm
        case bootSetDerived
    }

    private struct Source: Encodable {
        let urls: [String]
        let format: String
        let size: UInt64?
        let digests: [String]
    }

    private struct UnhealthyRow: Encodable {
        let when: String
        let why: HealthRecord.Fault
        let text: String

        init(_ fault: HealthRecord.Unhealthy) {
            (when, why, text) = (fault.time.description, fault.why, fault.words)
        }
    }

    /// `unhealthy` is only there where it did not come up here, `warm` where it starts warm,
    /// `bootSetDerived` where `toBoot` is a guess from another version. What else follows `pinned` is only there for a vendor's version, `gone` only where it is, and
    /// `downloadFirst` for what cannot be streamed.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(version.id.text, forKey: .id)
        try container.encode(version.published.description, forKey: .published)
        try container.encode(version.size, forKey: .size)
        try container.encode(toBoot, forKey: .toBoot)
        try container.encode(here, forKey: .here)
        try container.encode(new, forKey: .new)
        try container.encode(offline, forKey: .offline)
        try container.encode(isRunning, forKey: .running)
        try container.encode(isPinned, forKey: .pinned)
        try container.encodeIfPresent(unhealthy.map(UnhealthyRow.init), forKey: .unhealthy)
        if isWarm { try container.encode(true, forKey: .warm) }
        if isBootSetDerived { try container.encode(true, forKey: .bootSetDerived) }
        guard let source = version.source else { return }
        try container.encode(source.trust, forKey: .trust)
        try container.encode(isVerified, forKey: .verified)
        try container.encode(build, forKey: .build)
        try container.encode(
            Source(
                urls: source.urls.map(URLText.withoutCredentials), format: source.format.rawValue, size: source.size,
                digests: source.digests), forKey: .source)
        if isGone { try container.encode(true, forKey: .gone) }
        if isWholeFirst { try container.encode(downloadFirst, forKey: .downloadFirst) }
    }
}
